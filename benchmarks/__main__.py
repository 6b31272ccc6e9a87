"""Measure against one real node, print the ratios, and write the figures to a file."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click

from benchmarks import appends, loading, log
from eventstore_cassandra import CassandraApplicationRecorder, CassandraFactory, Topology
from patientmgmt.application import PatientManagement
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports


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
    help="How often two things that are compared are measured in turn.",
)
@click.option(
    "--events",
    type=click.IntRange(min=100),
    envvar="BENCH_EVENTS",
    default=100_000,
    show_default=True,
    show_envvar=True,
    help="Length of the log over which a reader catches up.",
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
def main(seconds: float, pairs: int, events: int, output: Path) -> None:
    """Measure on the node of CASSANDRA_CONTACT_POINTS, or on one that is started for this.

    The figures are ratios of things measured in turn in this very run. Compare ratios, not rates:
    rates are those of this machine at this hour.
    """
    figures: dict[str, object] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "seconds": seconds,
        "pairs": pairs,
    }
    with _node() as env:
        figures["appends"] = _appends(env, seconds, pairs)
        figures["log"] = _log(env, events, seconds, pairs)
        figures["loading"] = _loading(env, seconds, pairs)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    click.echo(f"\nThe figures are in {output}.")


def _appends(env: Mapping[str, str], seconds: float, pairs: int) -> list[dict[str, object]]:
    click.echo("\nAppends of one event, new aggregates, one node")
    click.echo("            threads   driver/s   recorder/s   ratio        p50        p99")
    return [
        _report(
            line.figures(),
            "{what:8} {processes:4.0f} x {threads:2.0f} {driver_per_second:11,.0f} "
            "{per_second:12,.0f} {ratio:7.2f} {p50_ms:7.2f} ms {p99_ms:7.2f} ms",
        )
        for line in appends.measure(env, seconds=seconds, pairs=pairs)
    ]


def _log(env: Mapping[str, str], events: int, seconds: float, pairs: int) -> dict[str, object]:
    click.echo("\nThe notification log")
    factory = CassandraFactory(dict(env))
    found = log.reading(factory.application_recorder(), events=events, pairs=pairs)
    factory.close()
    p50, p99 = log.delivery(env, seconds=seconds)
    return _report(
        asdict(found) | {"delivery_p50_ms": 1000 * p50, "delivery_p99_ms": 1000 * p99},
        "catching up over {events:,.0f} events: {caught_up_per_second:,.0f} per second, written at "
        "{written_per_second:,.0f}\na page of ten: {page_at_beginning_ms:.2f} ms at the beginning, "
        "{page_at_end_ms:.2f} ms at the end\nto a subscription in another process: p50 "
        "{delivery_p50_ms:.1f} ms, p99 {delivery_p99_ms:.1f} ms from before the append",
    )


def _loading(env: Mapping[str, str], seconds: float, pairs: int) -> list[dict[str, object]]:
    click.echo("\nLoading a patient, one at a time")
    click.echo("events   from events   from a snapshot   times as fast")
    with PatientManagement(env) as plain, loading.WithSnapshots(env) as snapshots:
        return [
            _report(
                line.figures(),
                "{events:6.0f} {from_events_ms:10.2f} ms {from_snapshot_ms:14.2f} ms {ratio:15.1f}",
            )
            for line in loading.measure(plain, snapshots, seconds=seconds, pairs=pairs)
        ]


def _report(figures: Mapping[str, object], line: str) -> dict[str, object]:
    click.echo(line.format(**figures))
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in figures.items()
    }


@contextmanager
def _node() -> Iterator[Mapping[str, str]]:
    """Yield the environment of a node with a keyspace of its own, which is dropped at the end."""
    env = dict(os.environ) | {
        "PERSISTENCE_MODULE": CASSANDRA,
        "CASSANDRA_KEYSPACE": f"bench_{uuid4().hex[:12]}",
    }
    if env.get("CASSANDRA_CONTACT_POINTS"):
        yield from _keyspace(env)
        return
    port, storage_port, jmx_port = free_ports(3)
    with TemporaryDirectory() as folder:
        settings = ClusterSettings(
            data=Path(folder), port=port, storage_port=storage_port, jmx_port=jmx_port
        )
        with Cluster(settings, report=click.echo) as cluster:
            yield from _keyspace(
                env
                | {
                    "CASSANDRA_CONTACT_POINTS": ",".join(cluster.contact_points),
                    "CASSANDRA_PORT": str(cluster.port),
                }
            )


def _keyspace(env: dict[str, str]) -> Iterator[Mapping[str, str]]:
    keyspace = initialise_cassandra(env, Topology.single_node())
    try:
        yield env
    finally:
        with PatientManagement(env) as application:
            if isinstance(application.recorder, CassandraApplicationRecorder):
                session = application.recorder.datastore.session
                session.execute(f"DROP KEYSPACE {keyspace}", timeout=60)


if __name__ == "__main__":
    main()
