"""Commands that make anew what is derived from the events."""

import click

from eventstore_cassandra import operations as ops
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.updates import update_tables
from patientmgmt.cli.store.opened import opened_datastore, with_progress
from patientmgmt.runtime import MODELS
from projections.cassandra import CassandraDatabase
from projections.emptying import empty


@click.command("rebuild-log")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def rebuild_log(*, write: bool) -> None:
    """Append to the notification log the events that it lacks.

    Those are events from before there was a log, from times when it was off, and from programs that
    know none. Nothing that is in the log is changed. It can be stopped and run again.
    """
    with opened_datastore() as datastore:
        found = with_progress(ops.rebuild_log(datastore, write=write))
    click.echo("Found:")
    click.echo(f"{found.missing:8,} events that are not in the log")
    click.echo(f"{found.without_name:8,} of them without an append_id")
    click.echo(f"{found.behind:8,} of them that will stand behind a later version in the log")
    click.echo(f"{found.without_current_version:8,} aggregates without a current_version")
    if write:
        click.echo(f"Appended {found.appended:,} events to the log.")
    elif found.missing or found.without_current_version:
        click.echo("Nothing was written. `patientmgmt store rebuild-log --write` mends it.")


@click.command("empty-snapshots")
@click.option("--write", is_flag=True, help="Do it; without this nothing is done.")
def empty_snapshots(*, write: bool) -> None:
    """Remove all snapshots, for instance of classes that have changed.

    Nothing is lost but time: aggregates are made from their events. Applications may go on. All
    nodes have to be up.
    """
    with opened_datastore() as datastore:
        if write:
            ops.empty_snapshots(datastore)
    click.echo("All snapshots are removed." if write else "Nothing was written: add --write.")


@click.command("restored")
@click.option("--write", is_flag=True, help="Do it; without this it is only told what is to do.")
def restored(*, write: bool) -> None:
    """Make anew what is derived, after `events` and `event_types` were restored from a backup.

    The notification log, the type view, snapshots, tracking and the read models are emptied, and
    the log is built anew, with new positions. Nothing else may use the keyspace meanwhile. It can
    be stopped and run again, and until it has come to its end no application starts. All nodes
    have to be up.
    """
    with opened_datastore() as datastore:
        checked_schema(datastore)
        if write:
            database = CassandraDatabase(datastore.session, datastore.settings.keyspace)
            empty(database, MODELS.values())
        found = with_progress(ops.restore(datastore, write=write))
    if write:
        click.echo(f"Appended {found.appended:,} events to a new log.")
        click.echo("Cassandra fills the type view now: see `patientmgmt store verify`.")
    else:
        click.echo("To be emptied: notification log, type view, snapshots, tracking, read models.")
    known = CassandraDatabase.tables_of(MODELS.values())
    others = [table for table in found.other_tables if not known.fullmatch(table)]
    if others:
        click.echo(
            "Tables that are not known here, whose views have to begin again too (under another "
            f"view_name, if they are in one partition): {', '.join(others)}"
        )
    if not write:
        click.echo("Nothing was written. Stop everything, and repeat it with --write.")


@click.command("update")
def update() -> None:
    """Bring the tables to the version that this release needs.

    Read the update note, stop what writes, and run it from one place. It can be run again.
    """
    with opened_datastore() as datastore:
        notes = update_tables(datastore)
    if not notes:
        click.echo("The tables have the version that this release needs: nothing to do.")
    for note in notes:
        click.echo(note)
