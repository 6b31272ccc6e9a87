"""``patientmgmt run``: the whole system in one process."""

import click

from patientmgmt.cli.beside import beside
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.reachable_store import reachable_store
from patientmgmt.cli.serve import address_options
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.environment import announced, environment
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
            reachable_store(env) as reachable,
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
