"""``patientmgmt store``: look after an event store on Cassandra."""

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TypeVar

import click
from eventsourcing.utils import Environment

from eventstore_cassandra import CassandraDatastore, Settings
from eventstore_cassandra import operations as ops
from eventstore_cassandra.notification_log.intents import Intent
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.settings import NONE, SERIAL_LEVELS
from eventstore_cassandra.shared_settings import SHARED, change_settings, settings_of_keyspace
from eventstore_cassandra.updates import update_tables
from patientmgmt.application import PatientManagement
from patientmgmt.environment import CASSANDRA, environment_beside
from patientmgmt.erasing import erase_patient
from patientmgmt.runtime import open_runtime

Result = TypeVar("Result")

SHOWN = 10
"""How many pending appends are named."""


@click.group()
def store() -> None:
    """Look after the event store on Cassandra: status, verify, rebuild-log, erase, update.

    All of it can run beside everything else; only `update` wants to be alone.
    """


@store.command("status")
def status() -> None:
    """Tell how long the notification log is, what is undecided, and the largest partitions."""
    with _datastore() as datastore:
        found = ops.status(datastore)
    click.echo(f"keyspace         {found.keyspace}")
    click.echo(f"schema version   {found.schema_version}")
    click.echo(f"log bucket size  {found.bucket_size:,} positions")
    click.echo(f"log buckets      {found.buckets:,}")
    click.echo(f"log head         {found.head:,}")
    click.echo(f"decided up to    {found.decided_up_to:,}")
    click.echo(f"unmarked         {found.unmarked:,} of the last {found.looked_at:,} positions")
    click.echo(f"pending          {len(found.pending):,}")
    _echo_intents(found.pending)
    click.echo(f"barred           {len(found.barred):,}")
    _echo_intents(found.barred)
    click.echo(
        "largest partition of each table in MiB, of what is flushed to disk; "
        f"nodes asked: {found.nodes}"
    )
    for partition in found.largest_partitions:
        click.echo(f"  {partition.table:24}{partition.mebibytes:8,}")


@store.command("verify")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Compare the type view and the notification log with the events; change nothing.

    Exits with 0 if all is well, and with 1 if something was found. Reads the whole store, and needs
    some 300 bytes for each event in the folder for temporary files (TMPDIR or SQLITE_TMPDIR).
    """
    with _datastore() as datastore:
        report = _with_progress(ops.verify(datastore))
    log = (
        "the notification log is off"
        if report.positions is None
        else f"{report.positions:,} positions of the notification log"
    )
    click.echo(
        f"Compared: {report.events:,} events of {report.aggregates:,} aggregates "
        f"({report.erased:,} of them erased), "
        f"{report.view_rows:,} rows of the type view, {log}."
    )
    if report.pending:
        click.echo(f"{report.pending:8,} appends are pending: the next reader decides them.")
    if report.barred:
        click.echo(f"{report.barred:8,} appends are barred: nothing of them was written.")
    for finding in report.findings:
        click.echo(f"{finding.count:8,} {finding.check.sentence}:")
        for each in finding.first:
            click.echo(f"           {each}")
    if not report.is_sound:
        ctx.exit(1)
    click.echo("All is well.")


@store.command("rebuild-log")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def rebuild_log(*, write: bool) -> None:
    """Append to the notification log the events that it lacks.

    Those are events from before there was a log, from times when it was off, and from programs that
    know none. Nothing that is in the log is changed. It can be stopped and run again.
    """
    with _datastore() as datastore:
        found = _with_progress(ops.rebuild_log(datastore, write=write))
    click.echo("Found:")
    click.echo(f"{found.missing:8,} events that are not in the log")
    click.echo(f"{found.without_name:8,} of them without an append_id")
    click.echo(f"{found.behind:8,} of them that will stand behind a later version in the log")
    click.echo(f"{found.without_current_version:8,} aggregates without a current_version")
    if write:
        click.echo(f"Appended {found.appended:,} events to the log.")
    elif found.missing or found.without_current_version:
        click.echo("Nothing was written. `patientmgmt store rebuild-log --write` mends it.")


@store.command("erase")
@click.argument("patient_id", metavar="ID")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def erase(patient_id: str, *, write: bool) -> None:
    """Erase a patient for good, from the events, the log, the snapshots and the read models.

    What stays are the ID and how many events there were, so that nothing looks lost. It can be
    stopped and run again; run it again, too, where `verify` finds contents that are left.
    """
    _expect_cassandra(environment_beside())
    with open_runtime() as runtime:
        try:
            operation = erase_patient(runtime, patient_id, write=write)
        except ValueError:
            raise click.BadParameter(
                f"expected the id of a patient, a UUID, found {patient_id!r}.", param_hint="ID"
            ) from None
        found = _with_progress(operation)
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


@store.command("update")
def update() -> None:
    """Bring the tables to the version that this release needs.

    Read the update note, stop what writes, and run it from one place. It can be run again.
    """
    with _datastore() as datastore:
        notes = update_tables(datastore)
    if not notes:
        click.echo("The tables have the version that this release needs: nothing to do.")
    for note in notes:
        click.echo(note)


@store.command("settings")
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
    with _datastore() as datastore:
        schema = checked_schema(datastore)
        said = {setting.column: getattr(schema, setting.column) for setting in SHARED}
        changes = {
            column: value for column, value in wanted.items() if value not in (None, said[column])
        }
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


def _echo_intents(intents: Sequence[Intent]) -> None:
    for intent in intents[:SHOWN]:
        click.echo(
            f"  position {intent.first:,}: {intent.aggregate_id} version {intent.first_version}"
        )


@contextmanager
def _datastore() -> Iterator[CassandraDatastore]:
    env = environment_beside()
    _expect_cassandra(env)
    given = Settings.from_env(Environment(PatientManagement.name, env))
    with closing(CassandraDatastore(given)) as datastore:
        settings = settings_of_keyspace(datastore)
        if settings == given:
            yield datastore
            return
    with closing(CassandraDatastore(settings)) as datastore:
        yield datastore


def _expect_cassandra(env: Mapping[str, str]) -> None:
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        raise click.ClickException(
            f"Expected PERSISTENCE_MODULE={CASSANDRA}, found {env['PERSISTENCE_MODULE']}: only a "
            "store on Cassandra has these tables. Set it, and CASSANDRA_KEYSPACE."
        )


def _with_progress(operation: Generator[ops.Progress, None, Result]) -> Result:
    """Run the operation with a bar for each stage, on the error stream."""
    step = next(operation)
    while True:
        stage = step.stage
        with click.progressbar(length=step.total, label=stage, file=sys.stderr) as bar:
            while step.stage == stage:
                bar.update(step.done - bar.pos)
                try:
                    step = next(operation)
                except StopIteration as stop:
                    result: Result = stop.value
                    return result
