"""Commands that look at a store, and change nothing."""

from collections.abc import Sequence

import click

from eventstore_cassandra import operations as ops
from eventstore_cassandra.notification_log.intents import Intent
from patientmgmt.cli.store.opened import opened_datastore, with_progress

SHOWN = 10
"""How many pending appends are named."""


@click.command("status")
def status() -> None:
    """Tell how long the notification log is, what is undecided, and the largest partitions."""
    with opened_datastore() as datastore:
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


@click.command("verify")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Compare the type view and the notification log with the events; change nothing.

    Exits with 0 if all is well, and with 1 if something was found. Reads the whole store, and needs
    some 300 bytes for each event in the folder for temporary files (TMPDIR or SQLITE_TMPDIR).
    """
    with opened_datastore() as datastore:
        report = with_progress(ops.verify(datastore))
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


def _echo_intents(intents: Sequence[Intent]) -> None:
    for intent in intents[:SHOWN]:
        click.echo(
            f"  position {intent.first:,}: {intent.aggregate_id} version {intent.first_version}"
        )
