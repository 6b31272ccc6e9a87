"""``patientmgmt store erase``."""

import click

from patientmgmt.cli.store.opened import expect_cassandra, with_progress
from patientmgmt.environment import environment_beside
from patientmgmt.erasing import erase_patient
from patientmgmt.runtime import open_runtime


@click.command("erase")
@click.argument("patient_id", metavar="ID")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def erase(patient_id: str, *, write: bool) -> None:
    """Erase a patient for good, from the events, the log, the snapshots and the read models.

    What stays are the ID and how many events there were, so that nothing looks lost. It can be
    stopped and run again; run it again, too, where `verify` finds contents that are left.
    """
    expect_cassandra(environment_beside())
    with open_runtime() as runtime:
        try:
            operation = erase_patient(runtime, patient_id, write=write)
        except ValueError:
            raise click.BadParameter(
                f"expected the id of a patient, a UUID, found {patient_id!r}.", param_hint="ID"
            ) from None
        found = with_progress(operation)
    if not found.is_known:
        raise click.ClickException(
            f"Expected something of {patient_id} in the store, found nothing. Nothing was written."
        )
    click.echo("Erased:" if write else "Found:")
    click.echo(f"{found.events:8,} events")
    click.echo(f"{found.logged:8,} events in the log, those of refused appends included")
    click.echo(f"{found.snapshots:8,} snapshots")
    if found.erased:
        click.echo(f"The patient is erased since {found.erased:%Y-%m-%d %H:%M:%S} UTC.")
    if write:
        click.echo("Backups, and what followers have made of the events, are not erased by this.")
    else:
        click.echo(
            "Nothing was written. `patientmgmt store erase ID --write` erases it, and the patient's"
            " rows in the read models."
        )
