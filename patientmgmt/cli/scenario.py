"""``patientmgmt scenario``."""

import click

from patientmgmt.runtime import open_runtime
from patientmgmt.scenario import PATIENCE, Scenario


@click.command()
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=PATIENCE,
    show_default=True,
    help="Seconds that the ward board may be behind the commands.",
)
def scenario(patience: float) -> None:
    """Play a fixed script through the whole system and check what comes of it.

    The exit code is 1 when a step finds something else than it expects.
    """
    steps = failures = 0
    with open_runtime() as runtime:
        script = Scenario(runtime.application, runtime.queries, runtime.worker(), patience=patience)
        for step in script.play():
            steps += 1
            failures += not step.passed
            mark = "passed" if step.passed else "FAILED"
            colour = "green" if step.passed else "red"
            click.secho(f"{mark}  ", fg=colour, nl=False)
            click.echo(f"{step.action}. Expected: {step.expected}. Found: {step.found}.")
    if failures:
        raise click.ClickException(
            f"{failures} of {steps} steps found something else than they expected."
        )
    click.echo(f"All {steps} steps found what they expected.")
