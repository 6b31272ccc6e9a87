"""``patientmgmt grpc-sink``: takes what Envoy mirrors, and tells what it has seen."""

import os
from dataclasses import replace
from typing import Any

import click

from eventstore_grpc.remote.settings import ADDRESS, ClientSettings
from eventstore_grpc.server import ServerSettings
from eventstore_grpc.server.settings import SINK_PORT
from eventstore_grpc.sink import Compare, serve
from eventstore_grpc.sink.comparison import PATIENCE
from eventstore_grpc.sink.serving import REPORT_SECONDS
from patientmgmt.cli.grpc_store import listening_options
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.option_types import Seconds, to_address


@click.command("grpc-sink")
@listening_options(SINK_PORT)
@click.option("--compare", is_flag=True, help="Compare what is mirrored with what the store has.")
@click.option(
    "--store",
    default=ADDRESS,
    envvar="STOREGRPC_ADDRESS",
    show_default=True,
    show_envvar=True,
    callback=to_address,
    help="HOST:PORT of the store to compare with: itself, not what stands before it.",
)
@click.option(
    "--patience",
    type=Seconds(),
    default=PATIENCE,
    show_default=True,
    help="Seconds that one side may be behind the other in the comparison.",
)
@click.option(
    "--report-seconds",
    type=Seconds(),
    default=REPORT_SECONDS,
    show_default=True,
    help="Seconds from one report to the next.",
)
def grpc_sink(
    *, compare: bool, store: str, patience: float, report_seconds: float, **options: Any
) -> None:
    """Take the calls that are mirrored from the store: log them, and change nothing.

    The sink has the methods of the store and answers as a store that has nothing. Its log tells of
    each request the aggregate, types and sizes, and never what is in the events.

    With --compare it looks at the store (STOREGRPC_* as for any client) and reports updates that
    were mirrored and that the store does not have, apart from those that it has refused, and events
    of the store's log that were never mirrored: because they are not written through the mirror, or
    because only a part of the calls is mirrored.

    Runs until Ctrl-C or SIGTERM, which let the calls under way and the comparison come to their
    end. The exit code is 1 if --compare has found a difference, or could not compare everything.
    """
    log_to_stderr()
    address = replace(ClientSettings.from_env(os.environ), address=store, timeout=patience)
    settings = ServerSettings(**options)
    if settings.is_open:
        click.echo(
            f"Whoever reaches {settings.target} can send what is taken for mirrored: set "
            "--client-authorities, or keep others away from it.",
            err=True,
        )
    is_whole = serve(
        settings,
        ready=lambda port: click.echo(f"The sink is at {settings.host}:{port}"),
        compare=Compare(address, patience) if compare else None,
        report_seconds=report_seconds,
        tell=click.echo,
    )
    click.echo("The sink has stopped.")
    if not is_whole:
        raise click.exceptions.Exit(1)
