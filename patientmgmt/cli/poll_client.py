"""``patientmgmt poll-client``: the events of some types, as they are recorded."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from eventstore_grpc import ClientSettings
from eventstore_grpc.remote.settings import ADDRESS
from patientmgmt.cli.logs import log_to_stderr
from patientmgmt.cli.option_types import to_address
from patientmgmt.cli.signals import call_at_signals
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.environment import environment
from patientmgmt.polling.cursor import Cursor, CursorError, open_cursor
from patientmgmt.polling.follower import AnotherStoreError, Follower
from patientmgmt.polling.lines import (
    as_json,
    as_text,
    counts_as_json,
    counts_as_text,
    end_cut_line,
    write_lines,
)
from patientmgmt.polling.loop import Loop
from patientmgmt.polling.saved import SavedEvent, SavedEvents
from patientmgmt.polling.stopping import Stopping
from projections.feeds.feed import InvalidCheckpointError
from projections.feeds.type_view import TypeViewFeed

_OWN = {number: topic for topic, number in EVENT_TYPES.items()}


@click.command("poll-client")
@click.option(
    "--address",
    default=ADDRESS,
    envvar="STOREGRPC_ADDRESS",
    show_default=True,
    show_envvar=True,
    callback=to_address,
    help="HOST:PORT of the store server.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="NAME_OR_INTEGER",
    help=f"Type of event to follow, may be given again.  [default: {', '.join(EVENT_TYPES)}]",
)
@click.option(
    "--cursor",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where it notes what was printed. Without the file, it begins at the first event ever.  "
    "[default: poll-client.cursor in PATIENTMGMT_DATA]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How an event is printed.",
)
@click.option(
    "--count",
    is_flag=True,
    help="Print how many events of each type there were since the cursor's beginning, whenever it "
    "changes, instead of the events.",
)
@click.option("--once", is_flag=True, help="Stop at the end; an error if the store is away.")
def poll_client(
    *,
    address: str,
    types: Sequence[str],
    path: Path | None,
    form: str,
    count: bool,
    once: bool,
) -> None:
    """Print events as they are recorded, each as one line, through a store server.

    As text, a line has time, type, aggregate, version and payload, with a space between them.

    No event is lost, also of those recorded while this program or the server was away, and those of
    one aggregate come in the order of their versions. An event may become visible ten seconds
    later than others of its time; one that is later still comes with the next of its aggregate.

    What was printed is noted in the cursor afterwards: after a crash the last lines are printed
    again, at most 500. Whoever reads the lines tells repetitions by aggregate
    and version, and takes the last one: the first may have been cut.

    A cursor is of one store and of the types that it was begun with, and one process uses it at a
    time.

    Runs until Ctrl-C or SIGTERM, which let it finish the page it is at; if nobody takes its lines,
    it ends as in a crash. What is not an event is told on standard error.

    \b
    Examples:
      patientmgmt poll-client
      patientmgmt poll-client --once --format json >> events.jsonl
      patientmgmt poll-client --type PatientAdmitted --type 3 --cursor stays.cursor --count

    \b
    Environment:
      STOREGRPC_AUTHORITIES  PEM file of those who vouch for servers: turns on TLS
      STOREGRPC_CERTIFICATE  PEM file of this client's certificate, where servers want one
      STOREGRPC_KEY          PEM file of its key
      STOREGRPC_TIMEOUT      seconds for one call, 30 by default
      PATIENTMGMT_DATA       folder for files, ./var by default
    """
    log_to_stderr()
    stopping = Stopping()
    call_at_signals(stopping)
    settings = replace(ClientSettings.from_env(os.environ), address=address)
    if not settings.has_uuids:
        raise click.UsageError(
            "ORIGINATOR_ID_TYPE: expected uuid, since versions of those are kept."
        )
    if sys.stdout is None:
        raise CursorError("Expected a standard output to print to, found that it is closed.")
    out = sys.stdout.buffer
    with closing(SavedEvents(settings)) as store:
        try:
            with stopping.waiting():
                wanted = dict.fromkeys(types or tuple(EVENT_TYPES))
                topics = list(dict.fromkeys(_topic(store, each) for each in wanted))
        except KeyboardInterrupt:
            return
        feed = TypeViewFeed(store, topics)
        # What SQLite keeps in memory has such a name: it would be gone at the end.
        file = (path or _default()).absolute()
        with open_cursor(file, feed=feed.name, topics=topics) as cursor:
            write = partial(write_lines, out, waiting=stopping.waiting)
            loop = Loop(
                Follower(feed, cursor),
                cursor,
                partial(_write, write, form, count=count),
                stopping=stopping,
                once=once,
            )
            click.echo(f"Following {', '.join(topics)} at {address}. Ctrl-C stops it.", err=True)
            end_cut_line(out)
            try:
                loop.run(at_end=lambda: _tell_missing(topics, cursor))
                if count and once and not loop.printed:
                    _write_counts(write, form, cursor.counts)
            except KeyboardInterrupt:
                pass
            except AnotherStoreError as e:
                raise click.ClickException(str(e)) from e
            except InvalidCheckpointError as e:
                raise _damaged(file) from e
    click.echo(f"The client has stopped. It has printed {loop.printed:,} events.", err=True)


def _topic(store: SavedEvents, name_or_integer: str) -> str:
    if not name_or_integer or any("\ud800" <= each <= "\udfff" for each in name_or_integer):
        raise click.BadParameter(
            f"--type: expected a name in UTF-8 or an integer, found {name_or_integer!a}."
        )
    if not (name_or_integer.isascii() and name_or_integer.isdigit()):
        return name_or_integer
    number = int(name_or_integer)
    if own := _OWN.get(number):
        return own
    if number >= 2**31:
        raise click.BadParameter(f"--type: expected an integer below 2**31, found {number}.")
    if found := store.topic_of(number):
        return found
    raise click.ClickException(
        f"--type {number}: expected the integer of a type with events, found none of it. Give its "
        "name to wait for the first one."
    )


def _write(
    write: Callable[[Iterable[str]], None],
    form: str,
    events: Sequence[SavedEvent],
    counts: Mapping[str, int],
    *,
    count: bool,
) -> None:
    if count:
        _write_counts(write, form, counts)
    else:
        write(map(as_json if form == "json" else as_text, events))


def _write_counts(
    write: Callable[[Iterable[str]], None], form: str, counts: Mapping[str, int]
) -> None:
    write([counts_as_json(counts) if form == "json" else counts_as_text(counts)])


def _tell_missing(topics: Sequence[str], cursor: Cursor) -> None:
    if missing := [topic for topic in topics if topic not in cursor.counts]:
        click.echo(f"There are no events of {', '.join(missing)} yet.", err=True)


def _damaged(path: Path) -> CursorError:
    return CursorError(
        f"Cannot use {path}: expected a place in the feed in it, found something else. It is left "
        "as it is; choose another file with --cursor, where everything is printed from the first "
        "event on."
    )


def _default() -> Path:
    folder = Path(environment()["PATIENTMGMT_DATA"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise CursorError(
            f"PATIENTMGMT_DATA: expected a folder to write to, found {folder} ({e.strerror})."
        ) from e
    return folder / "poll-client.cursor"
