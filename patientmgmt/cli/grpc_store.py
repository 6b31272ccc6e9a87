"""``patientmgmt grpc-store``: the event store as a service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_grpc.server import ServerSettings, serve
from eventstore_grpc.server.settings import LOOPBACK, STORE_PORT
from patientmgmt.application import PatientManagement
from patientmgmt.cli.beside import beside
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.environment import CASSANDRA, environment_beside
from patientmgmt.settling import Settler

_PEM = click.Path(path_type=Path, dir_okay=False)


def listening_options(port: int) -> Callable[[Any], Any]:
    """Return what adds --host, --port and the options of TLS to a command that serves gRPC."""

    def add(command: Any) -> Any:
        for option in (
            click.option(
                "--client-authorities",
                type=_PEM,
                envvar="GRPC_CLIENT_AUTHORITIES",
                show_envvar=True,
                help="PEM file of those who vouch for clients: who has no certificate of theirs is "
                "not served.",
            ),
            click.option(
                "--key", type=_PEM, envvar="GRPC_KEY", show_envvar=True, help="PEM file of its key."
            ),
            click.option(
                "--certificate",
                type=_PEM,
                envvar="GRPC_CERTIFICATE",
                show_envvar=True,
                help="PEM file of the server's certificate, for TLS.",
            ),
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=port,
                envvar="GRPC_PORT",
                show_default=True,
                show_envvar=True,
                help="Port to listen on; 0 takes a free one.",
            ),
            click.option(
                "--host",
                default=LOOPBACK,
                envvar="GRPC_HOST",
                show_default=True,
                show_envvar=True,
                help="Address to listen on. Beyond loopback, let clients have certificates.",
            ),
        ):
            command = option(command)
        return command

    return add


@click.command("grpc-store")
@listening_options(STORE_PORT)
def grpc_store(**options: Any) -> None:
    """Serve the event store by gRPC, to programs in any language.

    It is one store with the web application's: on Cassandra, in the same keyspace. Its methods are
    those of the original event store, and more; see docs/services.md.

    It also decides appends whose writers have died, as `patientmgmt worker` does.

    Runs until Ctrl-C or SIGTERM, which let the calls under way come to their end.
    """
    log_to_stderr()
    settings = ServerSettings(**options)
    env = environment_beside()
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        raise click.UsageError(
            f"Expected PERSISTENCE_MODULE={CASSANDRA}, since the service needs the type view that "
            f"only this store has, found {env['PERSISTENCE_MODULE']}."
        )
    if settings.is_open:
        click.echo(
            f"Whoever reaches {settings.target} can read and write everything: set "
            "--client-authorities, or keep others away from it.",
            err=True,
        )
    with PatientManagement(env) as application:
        recorder = application.recorder
        if not isinstance(recorder, CassandraApplicationRecorder):
            raise TypeError(f"Expected a recorder of Cassandra, found {recorder!r}.")
        settler = Settler(recorder) if recorder.datastore.settings.notification_log else None
        with beside(settler, "settling of unknown outcomes"):
            serve(
                recorder,
                settings,
                ready=lambda port: click.echo(f"The event store is at {settings.host}:{port}"),
            )
    click.echo("The event store has stopped.")
