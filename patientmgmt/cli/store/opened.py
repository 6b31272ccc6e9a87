"""What the commands on a store share: the store, opened, and how they show their progress."""

import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TypeVar

import click
from eventsourcing.utils import Environment

from eventstore_cassandra import CassandraDatastore, Settings
from eventstore_cassandra.operations import Progress
from eventstore_cassandra.shared_settings import settings_of_keyspace
from patientmgmt.application import PatientManagement
from patientmgmt.environment import CASSANDRA, environment_beside

Result = TypeVar("Result")


@contextmanager
def opened_datastore() -> Iterator[CassandraDatastore]:
    """Open the store of the environment, with what its keyspace says instead of the settings."""
    env = environment_beside()
    expect_cassandra(env)
    given = Settings.from_env(Environment(PatientManagement.name, env))
    with closing(CassandraDatastore(given)) as datastore:
        settings = settings_of_keyspace(datastore)
        if settings == given:
            yield datastore
            return
    with closing(CassandraDatastore(settings)) as datastore:
        yield datastore


def expect_cassandra(env: Mapping[str, str]) -> None:
    """Refuse another persistence module than the one that these commands are for."""
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        raise click.ClickException(
            f"Expected PERSISTENCE_MODULE={CASSANDRA}, found {env['PERSISTENCE_MODULE']}: only a "
            "store on Cassandra has these tables. Set it, and CASSANDRA_KEYSPACE."
        )


def with_progress(operation: Generator[Progress, None, Result]) -> Result:
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
