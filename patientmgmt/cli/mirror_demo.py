"""``patientmgmt mirror-demo``: traffic mirroring on this machine, without containers."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from shutil import get_terminal_size
from signal import pause
from textwrap import wrap
from typing import Any

import click

from eventstore_grpc import ClientSettings
from eventstore_grpc.protocol.methods import UPDATE
from eventstore_grpc.server.settings import SINK_PORT, STORE_PORT
from patientmgmt.cli.reachable_store import reachable_store
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.environment import CASSANDRA, environment
from patientmgmt.mirroring.configuration import ADMIN_PORT, ENVOY_PORT
from patientmgmt.mirroring.envoy import PERCENT, find_envoy
from patientmgmt.mirroring.system import MirroredSystem, Ports, mirrored_system
from patientmgmt.remote_story import open_story
from patientmgmt.scenario import Step

KEYSPACE = "mirror_demo"
_LEFT, _RIGHT = 56, 62
"""Columns of the two sides, of which a narrow terminal has fewer."""
_BETWEEN = " | "
_NARROWEST = 24
_APPEND = f"{UPDATE.name}:"


def _port(name: str, default: int, whose: str) -> Callable[[Any], Any]:
    return click.option(
        name,
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        help=f"Port of {whose}; 0 takes a free one.",
    )


@click.command("mirror-demo")
@_port("--port", ENVOY_PORT, "Envoy")
@_port("--store-port", STORE_PORT, "the store")
@_port("--sink-port", SINK_PORT, "the sink")
@_port("--admin-port", ADMIN_PORT, "Envoy's administration")
@click.option("--keep-running", is_flag=True, help="Leave everything up until Ctrl-C.")
def mirror_demo(
    *, port: int, store_port: int, sink_port: int, admin_port: int, keep_running: bool
) -> None:
    """Show how Envoy mirrors what goes to the store to a sink, on this machine.

    Starts the store, the sink with its comparison, and Envoy before both, and plays the story of
    `patientmgmt test-client` through Envoy. Each step is shown with what the sink saw of it, and in
    the end what the sink's comparison has found. Then everything that was started is stopped. The
    exit code is 1 when a step finds something else than it expects, or the comparison a difference;
    with --keep-running, where you may mirror less, the comparison does not count.

    The store is in the cluster at CASSANDRA_CONTACT_POINTS, or if that is not set on a local
    server, as with `patientmgmt run`; its keyspace is mirror_demo unless CASSANDRA_KEYSPACE is set.
    """
    stop_at_first_signal()
    find_envoy()
    ports = Ports(envoy=port, store=store_port, sink=sink_port, admin=admin_port)
    env = environment() | {"PERSISTENCE_MODULE": CASSANDRA}
    env.setdefault("CASSANDRA_KEYSPACE", KEYSPACE)
    logs = Path(env["PATIENTMGMT_DATA"]) / "mirror-demo"
    failures = 0
    is_whole = True
    try:
        with reachable_store(env) as reachable, mirrored_system(reachable, ports, logs) as system:
            _tell_addresses(system, logs)
            failures = _play(system, reachable)
            if keep_running:
                _tell_what_can_be_done(system)
                with suppress(KeyboardInterrupt):
                    pause()
            is_whole = _end(system) or keep_running
    except KeyboardInterrupt:
        click.echo("Interrupted.")
    click.echo("Everything has stopped.")
    if failures:
        raise click.ClickException(f"{failures} steps found something else than they expected.")
    if not is_whole:
        raise click.ClickException("The store and the sink differ; see the comparison.")


def _tell_addresses(system: MirroredSystem, logs: Path) -> None:
    click.echo(f"Envoy  {system.envoy.address}, its administration {system.envoy.admin}")
    click.echo(f"Store  {system.store_address}")
    click.echo(f"Sink   {system.sink_address}")
    click.echo(f"Logs   {logs}")
    click.echo()


def _play(system: MirroredSystem, env: Mapping[str, str]) -> int:
    """Play the story and show both sides of it; return how many steps have failed."""
    click.secho(_row("What the store answered", "What the sink saw"), bold=True)
    failures = 0
    settings = ClientSettings(address=system.envoy.address)
    with open_story(settings, env) as story:
        for step in story:
            failures += not step.passed
            for line in _beside(_told(step), system.newly_seen()):
                click.echo(line)
    click.echo()
    click.echo(f"Of {system.calls()} calls through Envoy the sink saw {system.mirrored()}.")
    return failures


def _told(step: Step) -> str:
    if step.passed:
        return f"passed  {step.action}: {step.found}"
    return f"FAILED  {step.action}: {step.found}, expected {step.expected}"


def _beside(told: str, seen: Sequence[str]) -> Iterator[str]:
    """Yield lines of two columns: appends one by one, and how many of the other calls."""
    appends = [each for each in seen if each.startswith(_APPEND)]
    others = Counter(each.split(":", 1)[0] for each in seen if not each.startswith(_APPEND))
    right = [*appends, ", ".join(f"{number} {name}" for name, number in others.items())]
    lines = [line for each in right for line in wrap(each, _right(), subsequent_indent="  ")]
    left = wrap(told, _left(), subsequent_indent=8 * " ")
    return (_row(one, other) for one, other in zip_longest(left, lines, fillvalue=""))


def _row(left: str, right: str) -> str:
    return f"{left:{_left()}}{_BETWEEN}{right}".rstrip()


def _left() -> int:
    return max(_NARROWEST, min(_LEFT, _LEFT * _both() // (_LEFT + _RIGHT)))


def _right() -> int:
    return max(_NARROWEST, min(_RIGHT, _both() - _left()))


def _both() -> int:
    whole = _LEFT + len(_BETWEEN) + _RIGHT
    return get_terminal_size((whole, 0)).columns - len(_BETWEEN)


def _tell_what_can_be_done(system: MirroredSystem) -> None:
    url = f"http://{system.envoy.admin}/runtime_modify?{PERCENT}=50"
    click.echo()
    click.echo("All of it goes on until Ctrl-C. Mirror half of the calls, and send some more:")
    click.echo(f"  curl -X POST '{url}'")
    click.echo(f"  patientmgmt test-client --address {system.envoy.address} --load 100")


def _end(system: MirroredSystem) -> bool:
    """Let the sink finish its comparison, and show it; return whether there is no difference."""
    is_whole, report = system.end_of_sink()
    click.echo()
    click.echo(report)
    return is_whole
