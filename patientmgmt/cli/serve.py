"""``patientmgmt serve``: the web application alone."""

from typing import Any

import click

from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.environment import environment
from patientmgmt.runtime import open_runtime
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.server import listen
from patientmgmt.web.server import serve as serve_app
from patientmgmt.web.settings import config_of


def address_options(command: Any) -> Any:
    """Add --host and --port to a command that serves."""
    host = click.option(
        "--host",
        default="127.0.0.1",
        envvar="HOST",
        show_default=True,
        show_envvar=True,
        help="Address to listen on; 0.0.0.0 listens on all, and there is no sign-in.",
    )
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8000,
        envvar="PORT",
        show_default=True,
        show_envvar=True,
        help="Port to listen on; 0 takes a free one.",
    )
    return host(port(command))


@click.command()
@address_options
def serve(host: str, port: int) -> None:
    """Serve the web application; run `patientmgmt worker` beside it.

    Runs until Ctrl-C or SIGTERM.
    """
    log_to_stderr()
    stop_at_first_signal()
    env = environment()
    with listen(host, port) as listener, open_runtime(env) as runtime:
        app = create_app(
            runtime.application,
            runtime.queries,
            config_of(env),
        )
        try:
            serve_app(
                app, listener, ready=lambda url: click.echo(f"The web application is at {url}")
            )
        finally:
            stop_background_work(app)
    click.echo("The web application has stopped.")
