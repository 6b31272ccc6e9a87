"""How the steps of a story are told, in the commands that play one."""

from collections.abc import Iterable

import click

from patientmgmt.scenario import Step


def tell(steps: Iterable[Step]) -> int:
    """Print each step when it is done, and return how many there were.

    :raises click.ClickException: at the end, when one has found something else than it expected.
    """
    count = failures = 0
    for step in steps:
        count += 1
        failures += not step.passed
        mark, colour = ("passed", "green") if step.passed else ("FAILED", "red")
        click.secho(f"{mark}  ", fg=colour, nl=False)
        click.echo(f"{step.action}. Expected: {step.expected}. Found: {step.found}.")
    if failures:
        raise click.ClickException(
            f"{failures} of {count} steps found something else than they expected."
        )
    return count
