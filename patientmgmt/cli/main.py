"""The group of all commands, and what becomes of errors that none of them can mend."""

from typing import Any

import click
from eventsourcing.persistence import InfrastructureFactoryError, PersistenceError

from patientmgmt.cli.cassandra import cassandra
from patientmgmt.cli.demo_data import demo_data
from patientmgmt.cli.grpc_health import grpc_health
from patientmgmt.cli.grpc_sink import grpc_sink
from patientmgmt.cli.grpc_store import grpc_store
from patientmgmt.cli.init import init
from patientmgmt.cli.mirror_demo import mirror_demo
from patientmgmt.cli.poll_client import poll_client
from patientmgmt.cli.projections import projections
from patientmgmt.cli.run import run
from patientmgmt.cli.scenario import scenario
from patientmgmt.cli.serve import serve
from patientmgmt.cli.store import store
from patientmgmt.cli.test_client import test_client
from patientmgmt.cli.worker import worker
from patientmgmt.domain.errors import CommandRefusedError
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import InvalidCheckpointError

_FOR_OPERATORS = (
    CommandRefusedError,
    InvalidCheckpointError,
    PersistenceError,
    InfrastructureFactoryError,
    ReadModelsUnavailableError,
    OSError,
)


class _ClearErrors(click.Group):
    """Shows errors that an operator can mend as one sentence, and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except _FOR_OPERATORS as e:
            raise click.ClickException(str(e)) from e


@click.group(cls=_ClearErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="patientmgmt")
def main() -> None:
    """Manage patients: admissions, transfers and discharges, as a stream of events.

    Start with `patientmgmt run`, which needs nothing else and keeps its data in ./var on SQLite.

    \b
    Environment:
      PERSISTENCE_MODULE  eventsourcing.sqlite (default), eventstore_cassandra, or
                          eventstore_grpc for a store behind a server
      PATIENTMGMT_DATA    folder for files, ./var by default
      CASSANDRA_*         how to reach Apache Cassandra: CASSANDRA_CONTACT_POINTS,
                          CASSANDRA_PORT, CASSANDRA_KEYSPACE and others (see the README)
      STOREGRPC_*         how to reach the server: STOREGRPC_ADDRESS and others
    """


for command in (
    run,
    serve,
    worker,
    init,
    store,
    projections,
    demo_data,
    scenario,
    cassandra,
    grpc_store,
    grpc_sink,
    grpc_health,
    poll_client,
    test_client,
    mirror_demo,
):
    main.add_command(command)
