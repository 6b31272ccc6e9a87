"""``patientmgmt worker``: keep the read models up to date."""

import click

from patientmgmt.cli.beside import beside
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.runtime import open_runtime


@click.command()
@click.option("--once", is_flag=True, help="Stop when the read models have caught up.")
def worker(*, once: bool) -> None:
    """Follow the events and keep the ward board and the patient list up to date.

    On Cassandra it also reads the notification log on and decides the appends whose outcome is
    unknown, so that none of them takes effect much later.

    Runs until Ctrl-C or SIGTERM. Several workers at once do no harm. What it writes can be deleted
    and built again from the events.
    """
    log_to_stderr()
    stop_at_first_signal()
    with open_runtime() as runtime:
        projection_worker, settler = runtime.worker(), runtime.settler()
        if once:
            if settler:
                settler.catch_up()
            click.echo(f"{projection_worker.catch_up():,} events applied.")
            return
        click.echo("The projection worker is running. Ctrl-C stops it.")
        with beside(settler, "settling of unknown outcomes"):
            try:
                projection_worker.run()
            except KeyboardInterrupt:
                projection_worker.stop()
    click.echo("The projection worker has stopped.")
