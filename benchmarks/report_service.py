"""The report's section on the store server."""

from collections.abc import Mapping
from dataclasses import asdict

import click

from benchmarks import service
from benchmarks.report import Figures, heading, line


def of_service(env: Mapping[str, str], events: int, seconds: float, pairs: int) -> Figures:
    """Report on calls to the server, and on subscriptions that catch up."""
    heading(
        "The store server",
        "appends of one event and reads of five by gRPC, from one process with so many calls in "
        "flight,\nagainst the bare driver doing the same",
    )
    click.echo(f"{'in flight':>38}   driver/s   server/s   ratio        p50        p99")
    calls = [
        line(
            found.figures(),
            "{what:31} {threads:6.0f} {driver_per_second:12,.0f} {per_second:10,.0f} "
            "{ratio:7.2f} {p50_ms:7.2f} ms {p99_ms:7.2f} ms",
        )
        for found in service.measure(env, seconds=seconds, pairs=pairs, report=click.echo)
    ]
    caught_up = service.catching_up(env, events=events)
    click.echo(
        f"a subscription catches up over {caught_up.events:,} events at "
        f"{caught_up.per_second:,.0f} per second"
    )
    return {"calls": calls, "subscription": asdict(caught_up)}
