"""``patientmgmt demo-data``."""

from collections import Counter
from time import perf_counter

import click

from patientmgmt.demo_data import Admission, Discharge, Readmission, Transfer, plan, send
from patientmgmt.domain.errors import CommandRefusedError
from patientmgmt.runtime import open_runtime

_KINDS = {
    Admission: "admissions",
    Transfer: "transfers",
    Discharge: "discharges",
    Readmission: "readmissions",
}


@click.command("demo-data")
@click.option(
    "--patients",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="How many patients are admitted.",
)
@click.option("--seed", type=int, help="Any number; the same one plans the same days again.")
def demo_data(patients: int, seed: int | None) -> None:
    """Fill the store with plausible hospital days, sent through the command handlers."""
    steps = plan(patients=patients, seed=seed)
    with open_runtime() as runtime:
        began = perf_counter()
        answers = send(runtime.application, steps)
        with click.progressbar(answers, length=len(steps), label="Sending commands") as progress:
            try:
                for _ in progress:
                    pass
            except CommandRefusedError as e:
                raise click.ClickException(f"The demo data ended early. {e}") from e
        seconds = perf_counter() - began
    counts = Counter(type(step) for step in steps)
    for kind, plural in _KINDS.items():
        click.echo(f"{counts[kind]:8,} {plural}")
    rate = len(steps) / seconds
    click.echo(f"{len(steps):8,} commands in {seconds:.1f} s, {rate:,.0f} per second")
