"""``patientmgmt run``: the whole system in one process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from eventstore_cassandra import Topology
from patientmgmt.cli.beside import beside
from patientmgmt.cli.cassandra import settings_of_environment
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.serve import address_options
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.environment import CASSANDRA, announced, environment
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster
from patientmgmt.runtime import open_runtime
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.server import listen, serve
from patientmgmt.web.settings import config_of


@click.command()
@address_options
def run(host: str, port: int) -> None:
    """Start the web application and a projection worker, and all that they need.

    On SQLite (the default) that is nothing more. With PERSISTENCE_MODULE=eventstore_cassandra it is
    the cluster at CASSANDRA_CONTACT_POINTS, or if that is not set a local server, which is started
    if need be and stopped at the end (LOCAL_CASSANDRA_* set its ports, see `patientmgmt cassandra
    start --help`); keyspace and tables are created where they are missing.

    Ctrl-C or SIGTERM stops everything that was started.
    """
    log_to_stderr()
    stop_at_first_signal()
    env = environment()
    config = config_of(env)
    try:
        with (
            listen(host, port) as listener,
            _store(env) as reachable,
            announced(reachable),
            open_runtime(reachable) as runtime,
            beside(runtime.worker(in_crew=True), "projection worker"),
            beside(runtime.settler(), "settling of unknown outcomes"),
        ):
            app = create_app(runtime.application, runtime.queries, config)
            try:
                serve(app, listener, ready=_announce)
            finally:
                stop_background_work(app)
    except KeyboardInterrupt:
        click.echo("Interrupted.")
    click.echo("Everything has stopped.")


def _announce(url: str) -> None:
    click.echo(f"The ward board is at {url} (Ctrl-C stops)")


@contextmanager
def _store(env: dict[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the environment of a store that is there and has its tables."""
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        yield env
        return
    if env.get("CASSANDRA_CONTACT_POINTS"):
        _initialise(env)
        yield env
        return
    settings = settings_of_environment()
    with Cluster(settings, report=click.echo) as cluster:
        local = env | {
            "CASSANDRA_CONTACT_POINTS": ",".join(cluster.contact_points),
            "CASSANDRA_PORT": str(cluster.port),
        }
        _initialise(local, nodes=settings.nodes)
        yield local


def _initialise(env: Mapping[str, str], *, nodes: int = 1) -> None:
    topology = Topology.single_node() if nodes == 1 else Topology.single_datacenter()
    keyspace = initialise_cassandra(env, topology)
    click.echo(f"Keyspace {keyspace} is ready on Cassandra at {env['CASSANDRA_CONTACT_POINTS']}")
