"""Measure against one real node, print the ratios, and write the figures to a file."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click

from benchmarks import appends, loading
from eventstore_cassandra import CassandraApplicationRecorder, Topology
from patientmgmt.application import PatientManagement
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports
from patientmgmt.runtime import CASSANDRA


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
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BENCH_OUTPUT",
    default=Path("var/bench.json"),
    show_default=True,
    show_envvar=True,
    help="File for the figures.",
)
def main(seconds: float, pairs: int, output: Path) -> None:
    """Measure on the node of CASSANDRA_CONTACT_POINTS, or on one that is started for this.

    The figures are ratios of things measured in turn in this very run. Compare ratios, not rates:
    rates are those of this machine at this hour.
    """
    with _node() as env, PatientManagement(env) as plain, loading.WithSnapshots(env) as snapshots:
        recorder = plain.recorder
        if not isinstance(recorder, CassandraApplicationRecorder):
            raise click.ClickException(f"Expected a recorder on Cassandra, found {recorder!r}.")
        figures: dict[str, object] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cpus": os.cpu_count(),
            "seconds": seconds,
            "pairs": pairs,
        }
        click.echo("\nAppends of one event, new aggregates, one node")
        click.echo("threads   driver/s   recorder/s   ratio   recorder p50    p99")
        figures["appends"] = [
            _report(
                line.figures(),
                "{threads:7.0f} {driver_per_second:10,.0f} {recorder_per_second:12,.0f} "
                "{ratio:7.2f} {recorder_p50_ms:11.2f} ms {recorder_p99_ms:6.2f} ms",
            )
            for line in appends.measure(recorder, seconds=seconds, pairs=pairs)
        ]
        click.echo("\nLoading a patient, one at a time")
        click.echo("events   from events   from a snapshot   times as fast")
        figures["loading"] = [
            _report(
                line.figures(),
                "{events:6.0f} {from_events_ms:10.2f} ms {from_snapshot_ms:14.2f} ms {ratio:15.1f}",
            )
            for line in loading.measure(plain, snapshots, seconds=seconds, pairs=pairs)
        ]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    click.echo(f"\nThe figures are in {output}.")


def _report(figures: dict[str, float], line: str) -> dict[str, float]:
    click.echo(line.format(**figures))
    return {name: round(value, 3) for name, value in figures.items()}


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
