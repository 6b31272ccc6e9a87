"""The sections of the report: each says what comes, prints its lines, and returns the figures."""

from collections.abc import Mapping
from dataclasses import asdict

import click

from benchmarks import appends, contention, loading, log, stores
from patientmgmt.application import PatientManagement

Figures = dict[str, object]

_CATCHING_UP = (
    "catching up over {events:,.0f} events: {caught_up_per_second:,.0f} per second, written at "
    "{written_per_second:,.0f} ({in_an_append} in an append)\n"
    "catching up over {singles:,.0f} events: {caught_up_singles_per_second:,.0f} per second, "
    "written at {singles_written_per_second:,.0f} (one in an append)\n"
    "a page of ten: {page_at_beginning_ms:.2f} ms at the beginning of the first of these logs, "
    "{page_at_end_ms:.2f} ms at its end"
)
_DELIVERY = (
    "to a subscription in another process: p50 {delivery_p50_ms:.1f} ms, "
    "p99 {delivery_p99_ms:.1f} ms from before the append"
)


def of_appends(
    env: Mapping[str, str], seconds: float, pairs: int, *, nodes: int = 1
) -> list[Figures]:
    """Report on appends to so many nodes."""
    warm_up = nodes * appends.WARM_UP_STRETCHES
    heading(
        "Appends of one event, to new aggregates",
        f"after {warm_up * seconds:.0f} s to warm up: "
        f"{2 * len(appends.THREADS)} lines of one process, two of several, "
        "against the bare driver",
    )
    click.echo("            threads   driver/s   recorder/s   ratio        p50        p99")
    return [
        line(
            found.figures(),
            "{what:8} {processes:4.0f} x {threads:2.0f} {driver_per_second:11,.0f} "
            "{per_second:12,.0f} {ratio:7.2f} {p50_ms:7.2f} ms {p99_ms:7.2f} ms",
        )
        for found in appends.measure(env, seconds=seconds, pairs=pairs, warm_up=warm_up)
    ]


def of_contention(env: Mapping[str, str], seconds: float, pairs: int) -> list[Figures]:
    """Report on appends of many processes."""
    heading(
        "Appends of many processes, which share the log's one head",
        "the slowest process as a part of the fastest (of the others, where it is further away); "
        "the median\nwait and the longest; requests to read and to write for each append: "
        "all of these with the log",
    )
    click.echo("         log off/s   log on/s   ratio   slowest        p50    longest   requests")
    return [
        line(
            found.figures(),
            "{processes:2.0f} x {threads:2.0f} {log_off_per_second:10,.0f} "
            "{log_on_per_second:10,.0f} {ratio:7.2f} {slowest_to_fastest:9.2f} {p50_ms:7.1f} ms "
            "{longest_ms:7.0f} ms {reads_per_append:5.2f} +{writes_per_append:5.2f}  {what}",
        )
        for found in contention.measure(env, seconds=seconds, pairs=pairs)
    ]


def of_log(env: Mapping[str, str], events: int, seconds: float, pairs: int) -> Figures:
    """Report on reading the notification log, and on delivery."""
    heading(
        "The notification log",
        "two logs are written and read: one of large appends, a shorter one of single events",
    )
    read = asdict(log.reading(env, events=events, pairs=pairs))
    figures = line(read | {"in_an_append": log.EVENTS_IN_AN_APPEND}, _CATCHING_UP)
    return figures | of_delivery(env, seconds)


def of_delivery(env: Mapping[str, str], seconds: float) -> Figures:
    """Report on live delivery."""
    return line(log.delivery(env, seconds=seconds), _DELIVERY)


def of_loading(env: Mapping[str, str], seconds: float, pairs: int) -> list[Figures]:
    """Report on loading from events, and from a snapshot."""
    heading("Loading a patient, one at a time", "from all events, and from a snapshot")
    click.echo("events   from events   from a snapshot   times as fast")
    with PatientManagement(env) as plain, loading.WithSnapshots(env) as snapshots:
        return [
            line(
                found.figures(),
                "{events:6.0f} {from_events_ms:10.2f} ms {from_snapshot_ms:14.2f} ms {ratio:15.1f}",
            )
            for found in loading.measure(plain, snapshots, seconds=seconds, pairs=pairs)
        ]


def of_stores(env: Mapping[str, str], seconds: float, pairs: int) -> list[Figures]:
    """Report on the same application on other stores."""
    heading(
        "The same application on other stores",
        "commands that admit and transfer patients, and loading one of three events; all stores "
        "in turn,\nso that the lines come together; ratios are of what Cassandra does with its log",
    )
    measured = stores.measure(env, seconds=seconds, pairs=pairs, report=click.echo)
    click.echo("                     commands/s              commands/s               loading")
    click.echo(
        "                       1 thread   ratio       8 threads   ratio      a patient   ratio"
    )
    return [
        line(
            found.figures(),
            "{store:20} {commands_per_second:10,.0f} {ratio:7.2f} "
            "{commands_per_second_8_threads:15,.0f} {ratio_8_threads:7.2f} "
            "{loading_ms:11.2f} ms {loading_ratio:7.2f}",
        )
        for found in measured
    ]


def heading(what: str, comes: str) -> None:
    click.echo(f"\n{what}\n{comes}\n")


def line(figures: Mapping[str, object], form: str) -> Figures:
    """Print figures in a form, and return them."""
    click.echo(form.format(**figures))
    without_answer = {name: n for name, n in figures.items() if "unanswered" in name and n}
    if without_answer:
        told = ", ".join(f"{name.replace('_', ' ')}: {n}" for name, n in without_answer.items())
        click.echo(f"  ({told}; their time counts, they do not)")
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in figures.items()
    }
