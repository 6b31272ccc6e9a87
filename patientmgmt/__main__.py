"""``python -m patientmgmt`` is the ``patientmgmt`` command."""

from patientmgmt.cli import main

main()
