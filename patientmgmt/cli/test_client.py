"""``patientmgmt test-client``: a known story, or a bounded load, through a store server."""

import os
from contextlib import suppress
from dataclasses import replace

import click

from eventstore_grpc import ClientSettings
from eventstore_grpc.remote.settings import ADDRESS
from patientmgmt.cli.option_types import Seconds, to_address
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.cli.steps import tell
from patientmgmt.load import IN_FLIGHT, Load, Measured, percentiles
from patientmgmt.remote_story import check_store, open_story

_PERCENTILES = (50, 95, 99)


@click.command("test-client")
@click.option(
    "--address",
    default=ADDRESS,
    envvar="STOREGRPC_ADDRESS",
    show_default=True,
    show_envvar=True,
    callback=to_address,
    help="HOST:PORT of the store server, or of what stands before it.",
)
@click.option(
    "--load",
    "patients",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="Instead of the story, send the stays of N patients and measure the calls.",
)
@click.option(
    "--seconds",
    type=Seconds(),
    metavar="S",
    help="The same for S seconds; with --load until one of the two is reached.",
)
@click.option(
    "--in-flight",
    type=click.IntRange(1, 256),
    default=IN_FLIGHT,
    metavar="K",
    show_default=True,
    help="Calls of a load at the same time.",
)
def test_client(
    *, address: str, patients: int | None, seconds: float | None, in_flight: int
) -> None:
    """Play a known story through a store server, and compare each step with what the store has.

    It is the story of `patientmgmt scenario`, with patients of its own. After each step, all that
    was answered for is looked up in the store by FindByID, and the ward board that counts the
    patients is made from what FindByType returns. The exit code is 1 when a step finds something
    else than it expects.

    A load (--load, --seconds) is bounded by what is asked for. A stay is three calls of Update and
    two of FindByID, whose times are told as percentiles of those that succeeded, tries of gRPC
    included; the exit code is 1 when a call fails. Its patients stay in the store, all discharged
    if the load was not cut short. Ctrl-C ends it, and what was measured by then is told.

    \b
    Examples:
      patientmgmt test-client
      patientmgmt test-client --address 127.0.0.1:8080 --load 1000
      patientmgmt test-client --seconds 30 --in-flight 32

    TLS is set up by the STOREGRPC_* variables; see `patientmgmt poll-client --help`.
    """
    stop_at_first_signal()
    settings = replace(ClientSettings.from_env(os.environ), address=address)
    check_store(settings)
    if patients is None and seconds is None:
        _play(settings)
    else:
        _load(
            Load(settings, patients=patients, seconds=seconds, in_flight=in_flight),
            patients,
            seconds,
        )


def _play(settings: ClientSettings) -> None:
    with open_story(settings, os.environ) as story:
        count = tell(story)
    click.echo(f"All {count} steps found what they expected, and so has the store.")


def _load(load: Load, patients: int | None, seconds: float | None) -> None:
    length = 100 if patients is None else patients

    with click.progressbar(length=length, label="Sending stays") as progress:

        def move(done: int, passed: float) -> None:
            is_for = min(100, int(100 * passed / seconds)) if seconds else 0
            progress.update((is_for if patients is None else done) - progress.pos)

        with suppress(KeyboardInterrupt):
            load.run(move)
    _tell(load.measured)
    if not load.measured.is_good:
        raise click.ClickException("Not every call has done what it should; see above.")


def _tell(measured: Measured) -> None:
    calls = sum(map(len, measured.seconds.values()))
    rate = calls / measured.took if measured.took else 0.0
    click.echo(
        f"{measured.stays:,} stays, {calls:,} calls in {measured.took:.1f} s, "
        f"{rate:,.0f} calls per second"
    )
    for name, values in measured.seconds.items():
        if not values:
            continue
        found = zip(_PERCENTILES, percentiles(values, _PERCENTILES), strict=True)
        times = "  ".join(f"p{percent} {1000 * value:.1f} ms" for percent, value in found)
        click.echo(f"{name:8}  {len(values):8,} calls  {times}")
    for (name, code), number in sorted(measured.errors.items()):
        click.echo(f"{name:8}  {number:8,} failed with {code}")
    if measured.wrong:
        click.echo(f"FindByID  {measured.wrong:,} found something else than was appended")
