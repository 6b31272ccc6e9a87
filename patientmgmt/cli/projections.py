"""``patientmgmt projections``: what an operator does with read models."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.generations import Generations
from projections.parking import Parked, Parking
from projections.projection import Projection
from projections.read_model import ReadModel
from projections.rebuilding import rebuild as rebuild_model
from projections.status import Status, overview
from projections.sweeping import Sweep
from projections.verifying import verify as verify_model

SHOWN = 20
"""How many differences are named for each read model."""

Model = ReadModel[Any, Any]


@click.group()
def projections() -> None:
    """See and mend the read models: what the pages are made of.

    All of it is made from the events, and can be made again. NAME is one of the read models;
    without it a command is for all of them. None of these commands needs a worker to be stopped.
    """


def _named(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> Sequence[Model]:
    if name is None:
        return list(MODELS.values())
    if name not in MODELS:
        raise click.BadParameter(
            f"Expected one of {', '.join(MODELS)}, found {name}.", param_hint="NAME"
        )
    return [MODELS[name]]


def _name_argument(command: Callable[..., None]) -> Callable[..., None]:
    return click.argument("models", metavar="[NAME]", required=False, callback=_named)(command)


@projections.command()
@_name_argument
def status(models: Sequence[Model]) -> None:
    """Tell how far the read models are, what is parked, and who works on them."""
    with open_runtime() as runtime:
        found = overview(runtime.database, models, runtime.feed)
    for model in found.models:
        _echo_status(model)
    click.echo(f"workers: {len(found.workers) or 'none seen'}, shards: {found.shards}")
    for worker in found.workers:
        held = ", ".join(worker.parts) or "waits"
        click.echo(f"  process {worker.pid} on {worker.host} since {_utc(worker.since)}: {held}")


@projections.command()
@_name_argument
def pause(models: Sequence[Model]) -> None:
    """Let workers leave a read model as it is, until it is resumed. Nothing is lost."""
    _set_paused(models, paused=True)


@projections.command()
@_name_argument
def resume(models: Sequence[Model]) -> None:
    """Let workers go on with a read model that was paused."""
    _set_paused(models, paused=False)


@projections.command()
@_name_argument
def parked(models: Sequence[Model]) -> None:
    """List the events that could not be shown, each with what waits behind it and the error."""
    with open_runtime() as runtime:
        found = {model.name: _parking(runtime, model).all() for model in models}
    for name, events in found.items():
        click.echo(f"{name}: {len(events):,} parked")
        for event in events:
            _echo_parked(event)


@projections.command()
@_name_argument
def retry(models: Sequence[Model]) -> None:
    """Try once more to show what is parked, with this version of the program.

    Exits with 1 if something stays parked.
    """
    log_to_stderr()
    left = 0
    with open_runtime() as runtime:
        for model in models:
            ids = [event.aggregate_id for event in _parking(runtime, model).all()]
            shown = _projection(runtime, model).show_again(ids)
            staying = len(_parking(runtime, model).all())
            click.echo(
                f"{model.name}: {len(ids):,} patients tried, {shown:,} events shown, "
                f"{staying:,} still parked"
            )
            left += staying
    sys.exit(1 if left else 0)


@projections.command()
@_name_argument
def rebuild(models: Sequence[Model]) -> None:
    """Make a read model anew from the first event on, and let pages change over to it.

    Pages go on with what there is until the new tables have caught up; nobody sees them half made.
    It can be interrupted, and goes on when it is run again.
    """
    log_to_stderr()
    with open_runtime() as runtime:
        for model in models:
            _rebuild(runtime, model)


@projections.command()
@_name_argument
def verify(models: Sequence[Model]) -> None:
    """Compare the read models with the events, row for row; change nothing.

    Exits with 1 if something differs. `patientmgmt projections rebuild` mends all of it.
    """
    different = 0
    with open_runtime() as runtime:
        for model in models:
            different += _verify(runtime, model)
    sys.exit(1 if different else 0)


def _set_paused(models: Sequence[Model], *, paused: bool) -> None:
    with open_runtime() as runtime:
        for model in models:
            Generations(runtime.database).pause(model, paused=paused)
            click.echo(f"{model.name} {'is paused' if paused else 'goes on'}")


def _parking(runtime: Runtime, model: Model) -> Parking:
    live = Generations(runtime.database).live(model)
    return Parking(runtime.database, live)


def _projection(runtime: Runtime, model: Model) -> Projection:
    live = Generations(runtime.database).live(model)
    return Projection(live, runtime.feed, runtime.database, runtime.decode)


def _rebuild(runtime: Runtime, model: Model) -> None:
    work = rebuild_model(runtime.database, model, runtime.feed, runtime.decode, truth=runtime.truth)
    told = 0.0
    while True:
        try:
            progress = next(work)
        except StopIteration as stop:
            done = stop.value
            break
        if progress.seconds >= told + 1:
            told = progress.seconds
            click.echo(
                f"{model.name}: {progress.events:,} events, "
                f"{progress.events / progress.seconds:,.0f} a second",
                err=True,
            )
    click.echo(
        f"{model.name}: generation {done.generation.number} is live, {done.events:,} events in "
        f"{done.seconds:.1f} s" + (f"; {done.parked:,} parked" if done.parked else "")
    )


def _verify(runtime: Runtime, model: Model) -> int:
    live = Generations(runtime.database).live(model)
    work = verify_model(live, runtime.database, runtime.feed, runtime.truth, runtime.decode)
    with click.progressbar(length=0, label=model.name, file=sys.stderr) as bar:
        while True:
            try:
                bar.update(next(work).aggregates - bar.pos)
            except StopIteration as stop:
                found = stop.value
                break
    click.echo(
        f"{model.name}: {found.aggregates:,} patients and {found.rows:,} rows compared, "
        f"{len(found.differences):,} differences"
    )
    for difference in found.differences[:SHOWN]:
        whose = f" of patient {difference.aggregate_id}" if difference.aggregate_id else ""
        click.echo(f"  {difference.what}{whose}: {difference.details}")
    if len(found.differences) > SHOWN:
        click.echo(f"  and {len(found.differences) - SHOWN:,} more")
    return len(found.differences)


def _echo_status(status: Status) -> None:
    registered = status.registered
    if registered is None:
        click.echo(f"{status.model.name}: has no tables yet. Run `patientmgmt init`.")
        return
    click.echo(f"{status.model.name}{': paused' if registered.paused else ''}")
    if registered.live.version != status.model.version:
        click.echo(
            f"  made by version {registered.live.version} of its code, which is "
            f"{status.model.version} now: run `patientmgmt projections rebuild`"
        )
        return
    building = f", {registered.building.number} is being built" if registered.building else ""
    click.echo(f"  generation    {registered.live.number}{building}")
    click.echo(f"  current as of {_age(status.current_as_of)}")
    click.echo(
        f"  waiting       {status.waiting:,}{'' if status.counted_all else ' or more'} events"
    )
    click.echo(f"  parked        {len(status.parked):,}")
    for shard, place in status.checkpoints.items():
        click.echo(f"  shard {shard:8}read up to {place or 'nothing'}")
        click.echo(f"                swept {_sweep(status.sweeps[shard])}")


def _sweep(sweep: Sweep | None) -> str:
    if sweep is None:
        return "never"
    found = f"{sweep.checked:,} patients, {sweep.repaired:,} events repaired"
    ahead = f", {sweep.ahead:,} ahead of the events" if sweep.ahead else ""
    when = f"{_utc(sweep.ended)}" if sweep.ended else f"since {_utc(sweep.began)}, goes on"
    return f"{when}: {found}{ahead}"


def _echo_parked(event: Parked) -> None:
    click.echo(
        f"  patient {event.aggregate_id}, version {event.version} ({event.topic}), since "
        f"{_utc(event.since)}: {event.error}"
    )


def _age(moment: datetime | None) -> str:
    if moment is None:
        return "never: no worker has read to the end yet"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return f"{_utc(moment)}, {max(0, seconds):,.1f} s ago"


def _utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
