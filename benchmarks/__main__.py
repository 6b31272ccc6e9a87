"""Measure against real nodes, print the ratios, and write the figures to a file."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks import report, report_projections, report_service
from benchmarks.nodes import keyspace, started
from eventstore_cassandra import Topology
from patientmgmt.cli.signals import stop_at_first_signal
from patientmgmt.local_cassandra import LocalCassandraError

SECTIONS = ("appends", "contention", "log", "loading", "projections", "service", "stores")


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.01),
    envvar="BENCH_SECONDS",
    default=3.0,
    show_default=True,
    show_envvar=True,
    help="Length of one stretch of measuring.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    envvar="BENCH_PAIRS",
    default=5,
    show_default=True,
    show_envvar=True,
    help="How often things that are compared are measured in turn.",
)
@click.option(
    "--events",
    type=click.IntRange(min=100),
    envvar="BENCH_EVENTS",
    default=100_000,
    show_default=True,
    show_envvar=True,
    help="Length of the log over which readers and read models catch up.",
)
@click.option(
    "--nodes",
    type=click.Choice(["1", "3", "both"]),
    envvar="BENCH_NODES",
    default="both",
    show_default=True,
    show_envvar=True,
    help="How many nodes to start: one, then three, or only one of the two.",
)
@click.option(
    "--only",
    type=click.Choice(SECTIONS),
    multiple=True,
    envvar="BENCH_ONLY",
    show_envvar=True,
    help="Measure this only. Can be given several times.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BENCH_OUTPUT",
    default=Path("var/bench.json"),
    show_default=True,
    show_envvar=True,
    help="File for the figures.",
)
def main(
    seconds: float, pairs: int, events: int, nodes: str, only: tuple[str, ...], output: Path
) -> None:
    """Measure on one node that is started for this, then on three: fifty minutes in all.

    One node takes up to 6 GiB of memory, and three up to 9.

    Where CASSANDRA_CONTACT_POINTS is set, that cluster is measured instead and no node is started.

    The figures are ratios of things measured in turn in this very run. Compare ratios, not rates:
    rates are those of this machine at this hour.
    """
    stop_at_first_signal()  # and with it the nodes that were started
    figures: report.Figures = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "seconds": seconds,
        "pairs": pairs,
    }
    wanted = only or SECTIONS
    try:
        if os.environ.get("CASSANDRA_CONTACT_POINTS"):
            figures |= _all_sections(os.environ, wanted, seconds, pairs, events)
            _write(figures, output)
            return
        if nodes != "3":
            click.echo("One node: appends, the log, loading, read models, and other stores")
            with started(1, os.environ) as env:
                figures |= _all_sections(env, wanted, seconds, pairs, events)
            _write(figures, output)
        if nodes != "1":
            click.echo("\nThree nodes, three copies: appends, and delivery")
            with started(3, os.environ) as env:
                figures["three_nodes"] = _three_copies(env, wanted, seconds, pairs)
            _write(figures, output)
    except LocalCassandraError as e:
        raise click.ClickException(str(e)) from e


def _all_sections(
    env: Mapping[str, str], wanted: Sequence[str], seconds: float, pairs: int, events: int
) -> report.Figures:
    with keyspace(env) as inside:
        sections: dict[str, Callable[[], object]] = {
            "appends": lambda: report.of_appends(inside, seconds, pairs),
            "contention": lambda: report.of_contention(inside, seconds, pairs),
            "log": lambda: report.of_log(inside, events, seconds, pairs),
            "loading": lambda: report.of_loading(inside, seconds, pairs),
            "projections": lambda: report_projections.of_projections(inside, events, seconds),
            "service": lambda: report_service.of_service(inside, events, seconds, pairs),
            "stores": lambda: report.of_stores(inside, seconds, pairs),
        }
        return {name: sections[name]() for name in SECTIONS if name in wanted}


def _three_copies(
    env: Mapping[str, str], wanted: Sequence[str], seconds: float, pairs: int
) -> report.Figures:
    figures: report.Figures = {}
    with keyspace(env, Topology.single_datacenter()) as inside:
        if "appends" in wanted:
            figures["appends"] = report.of_appends(inside, seconds, pairs, nodes=3)
        if "contention" in wanted:
            figures["contention"] = report.of_contention(inside, seconds, pairs)
        if "log" in wanted:
            click.echo()
            figures |= report.of_delivery(inside, seconds)
    return figures


def _write(figures: report.Figures, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    click.echo(f"\nThe figures are in {output}.")


if __name__ == "__main__":
    main()
