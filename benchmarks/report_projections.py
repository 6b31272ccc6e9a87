"""The report's section on read models."""

from collections.abc import Mapping
from dataclasses import asdict

import click

from benchmarks import boards, projections, sizes, to_rows
from benchmarks.report import Figures, heading

STRETCHES = 5
"""Times as long as the others are the stretches in which the rates are low."""


def of_projections(env: Mapping[str, str], events: int, seconds: float) -> Figures:
    """Report on read models, with as many patients in the largest list as there are events."""
    long = STRETCHES * seconds
    return {
        "catching_up": _catching_up(env, events),
        "to_rows": _to_rows(env, long),
        "boards": _boards(env, 2 * long),
        "sizes": _sizes(env, events),
    }


def _catching_up(env: Mapping[str, str], events: int) -> Figures:
    heading(
        "Read models that catch up",
        f"one process over {events:,} events, {projections.EVENTS_OF_A_PATIENT} of each patient in "
        "one append",
    )
    found = projections.catching_up(env, events=events)
    click.echo(f"the type view by itself   {found.type_view:9,.0f} events per second")
    click.echo(f"the log by itself         {found.log:9,.0f}")
    for name, rate in found.models.items():
        click.echo(f"{name:25} {rate:9,.0f}")
    times = found.two_shards / found.models[projections.BOARD]
    click.echo(f"ward_board, two shards    {found.two_shards:9,.0f}   {times:.2f} times one")
    click.echo(
        f"memory after a tenth      {found.mib_early:9,.0f} MiB, at the end "
        f"{found.mib_at_end:,.0f} MiB"
    )
    return asdict(found)


def _to_rows(env: Mapping[str, str], seconds: float) -> list[Figures]:
    heading(
        "From a command to the board",
        f"{to_rows.COMMANDS_PER_SECOND} commands per second, from each one's acknowledgement to "
        "its row; all read models follow",
    )
    figures = []
    for workers in (1, 2):
        found = to_rows.to_rows(env, workers=workers, seconds=seconds)
        figures.append(asdict(found))
        click.echo(
            f"{workers} worker{'s' if workers > 1 else ' '}   p50 {1000 * found.p50:6.1f} ms   "
            f"p99 {1000 * found.p99:6.1f} ms   {100 * found.cpu:3.0f} % of a core   "
            f"at {found.per_second:.0f} per second"
        )
    return figures


def _boards(env: Mapping[str, str], seconds: float) -> Figures:
    heading(
        "Open boards",
        f"{boards.PATIENTS} patients on wards; {boards.COMMANDS_PER_SECOND} commands per second "
        "through the same web server, where there are any",
    )
    found = boards.boards(env, seconds=seconds)
    click.echo(
        f"an idle worker: {found.idle.requests_per_second:.1f} requests per second to Cassandra, "
        f"{100 * found.idle.cpu:.1f} % of a core"
    )
    for what, stretch in (
        ("commands alone", found.unwatched),
        ("boards alone", found.calm),
        ("both", found.busy),
    ):
        command = f"   a command p50 {1000 * stretch.p50:.1f} ms, p95 {1000 * stretch.p95:.1f} ms"
        click.echo(
            f"{what:15} {stretch.boards:2} boards: web server {100 * stretch.server_cpu:4.1f} % of "
            f"a core, {stretch.server_requests_per_second:5.1f} requests per second, "
            f"{100 * stretch.unchanged:3.0f} % of looks unchanged"
            f"{command if stretch.p50 else ''}"
        )
    click.echo(f"p95 of a command, of none open: {found.busy.p95 / found.unwatched.p95:.2f} times")
    return asdict(found)


def _sizes(env: Mapping[str, str], patients: int) -> list[Figures]:
    heading(
        "Pages with few and with many patients",
        f"{sizes.FEW:,} and {patients:,} patients, {sizes.ON_WARDS} of them on wards; the many "
        "with tombstones\nof all departures, and with those purged as after ten days",
    )
    figures = []
    for page in sizes.sizes(env, many=patients):
        figures.append(asdict(page))
        click.echo(
            f"{page.name:25} {1000 * page.few:7.2f} ms {1000 * page.many:7.2f} ms "
            + (f"{1000 * page.purged:7.2f} ms " if page.purged else "")
            + f"{page.ratio:6.2f} times"
        )
    return figures
