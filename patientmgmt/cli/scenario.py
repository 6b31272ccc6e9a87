"""``patientmgmt scenario``."""

import click

from patientmgmt.cli.option_types import Seconds
from patientmgmt.cli.steps import tell
from patientmgmt.runtime import open_runtime
from patientmgmt.scenario import PATIENCE, Scenario


@click.command()
@click.option(
    "--patience",
    type=Seconds(or_none=True),
    default=PATIENCE,
    show_default=True,
    help="Seconds that the ward board may be behind the commands.",
)
def scenario(patience: float) -> None:
    """Play a fixed script through the whole system and check what comes of it.

    The exit code is 1 when a step finds something else than it expects.
    """
    with open_runtime() as runtime:
        script = Scenario(runtime.application, runtime.queries, runtime.worker(), patience=patience)
        count = tell(script.play())
    click.echo(f"All {count} steps found what they expected.")
