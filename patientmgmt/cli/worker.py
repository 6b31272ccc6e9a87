"""``patientmgmt worker``: keep the read models up to date."""

import click

from patientmgmt.cli.beside import beside
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.signals import call_at_signals, stop_at_first_signal
from patientmgmt.runtime import MODELS, open_runtime
from projections.crew import divide
from projections.generations import Generations


@click.command()
@click.option("--once", is_flag=True, help="Stop when the read models have caught up.")
@click.option(
    "--shards",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Divide the patients into N shards. Without it the division stays as it is, at first 1. "
    "Workers that run already follow a new one by themselves.",
)
def worker(*, once: bool, shards: int | None) -> None:
    """Follow the events and keep the read models up to date.

    On Cassandra it also reads the notification log on and decides the appends whose outcome is
    unknown, so that none of them takes effect much later.

    Runs until Ctrl-C or SIGTERM, which let it finish the page it is at. Several workers share the
    work, a part of which is one read model in one shard; of two the one has the ward board alone.
    More workers than parts wait for one to fail. What they write can be built again from the
    events: see `patientmgmt projections`.
    """
    log_to_stderr()
    stop_at_first_signal()
    with open_runtime() as runtime:
        if shards is not None:
            generations = Generations(runtime.database)
            made = [g for model in MODELS.values() for g in generations.all(model)]
            divide(runtime.database.records, made, runtime.feed, shards)
        projection_worker, settler = runtime.worker(in_crew=not once), runtime.settler()
        if once:
            if settler:
                settler.catch_up()
            click.echo(f"{projection_worker.catch_up():,} events applied.")
            return
        click.echo("The projection worker is running. Ctrl-C stops it.")
        with beside(settler, "settling of unknown outcomes"):
            call_at_signals(projection_worker.stop)
            projection_worker.run()
    click.echo("The projection worker has stopped.")
