"""The ``patientmgmt`` command."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="patientmgmt")
def main() -> None:
    """Manage patients: admissions, transfers and discharges, as a stream of events."""
