"""``patientmgmt store settings``."""

import click

from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.settings import NONE, SERIAL_LEVELS
from eventstore_cassandra.shared_settings import SHARED, change_settings
from patientmgmt.cli.store.opened import opened_datastore


@click.command("settings")
@click.option("--notification-log", type=click.Choice(["yes", "no"]))
@click.option("--serial-consistency", type=click.Choice(SERIAL_LEVELS))
@click.option("--cipher", metavar="TOPIC", help=f"A topic, or {NONE}.")
@click.option("--compressor", metavar="TOPIC", help=f"A topic, or {NONE}.")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def settings(*, write: bool, **wanted: str | None) -> None:
    """Show what all writers of the keyspace have in common, or change it while nothing writes.

    A writer with other settings is refused. A change is for all of them: stop them, change what the
    keyspace says, change their settings, and start them again. Who runs on is not stopped by it.
    """
    with opened_datastore() as datastore:
        schema = checked_schema(datastore)
        said = {setting.column: getattr(schema, setting.column) for setting in SHARED}
        changes = {
            column: value for column, value in wanted.items() if value not in (None, said[column])
        }
        for setting in SHARED:
            if (value := changes.get(setting.column)) is not None:
                setting.check(value)
        for column, value in said.items():
            change = f" -> {changes[column]}" if column in changes else ""
            name = column.replace("_", " ")
            click.echo(f"{name:20}{value or 'what the first writer has'}{change}")
        if changes and write:
            change_settings(datastore, changes)
    if not changes:
        return
    if not write:
        click.echo("Nothing was written. Stop what writes, and repeat it with --write.")
        return
    click.echo("Written. Give everything that writes the same settings before it is started.")
    if changes.get("notification_log") == "yes":
        click.echo("Before it is, run `patientmgmt store rebuild-log --write`.")
    if changes.keys() & {"cipher", "compressor"}:
        click.echo("What was written with another cipher or compressor needs that one to be read.")
