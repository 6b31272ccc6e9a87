"""Envoy on this machine, without containers: their configuration, at other addresses.

``configuration.py`` makes the one of the other, ``envoy.py`` runs Envoy with it and asks its
administration.
"""

from patientmgmt.mirroring.configuration import Addresses, at, shipped
from patientmgmt.mirroring.envoy import Envoy, EnvoyError

__all__ = ["Addresses", "Envoy", "EnvoyError", "at", "shipped"]
