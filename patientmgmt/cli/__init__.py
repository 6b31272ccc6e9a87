"""The ``patientmgmt`` command; each file of this package is one of its commands."""

from patientmgmt.cli.main import main

__all__ = ["main"]
