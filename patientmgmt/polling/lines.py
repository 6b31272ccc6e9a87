"""Events as lines of text or JSON, and how they are written whole."""

import json
import os
import select
import stat
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NoReturn

from patientmgmt.polling.saved import SavedEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROLS |= {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""What would end a line, or move the cursor of a terminal."""


def as_text(event: SavedEvent) -> str:
    """Return time, topic, aggregate id, version and payload; no spaces in all but the last."""
    payload = _text(event)
    shown = f"base64:{_base64(event)}" if payload is None else payload.translate(_CONTROLS)
    topic = event.topic.translate(_CONTROLS).replace(" ", "_")
    return (
        f"{moment(event.savetime)} {topic} {event.originator_id} {event.originator_version} {shown}"
    )


def as_json(event: SavedEvent) -> str:
    """Return a JSON object.

    ``payload`` is the event's own JSON, as it stands in the store, or a text where that is no JSON.
    Where it is no text, ``state`` is there instead, in Base64.
    """
    values = {
        "time": moment(event.savetime),
        "savetime": event.savetime,
        "topic": event.topic,
        "id": str(event.originator_id),
        "version": event.originator_version,
    }
    payload = _text(event)
    if payload is None:
        return json.dumps({**values, "state": _base64(event)})
    shown = _one_line(payload) if _is_json(payload) else json.dumps(payload)
    return f'{json.dumps(values)[:-1]}, "payload": {shown}}}'


def counts_as_text(counts: Mapping[str, int]) -> str:
    """Return how many events of each type there were, and of all."""
    each = ", ".join(f"{topic.translate(_CONTROLS)} {n}" for topic, n in sorted(counts.items()))
    return f"{sum(counts.values())} events" + (f": {each}" if each else "")


def counts_as_json(counts: Mapping[str, int]) -> str:
    """Return the same as a JSON object of numbers by type."""
    return json.dumps(dict(sorted(counts.items())))


def write_lines(
    stream: BinaryIO,
    lines: Iterable[str],
    *,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Write each line at once, and return when a file has them on its disk.

    A process that is killed leaves whole lines then, but for a file whose last one may be cut: at
    the end of a page of memory, where the system looks whether it is to go on.

    :param waiting: around each wait for a reader that does not take them; it may raise.
    :raises OSError: when they cannot be written; the cursor is behind them then.
    """
    try:
        if not _is_file(stream):
            for line in lines:
                _write_to_a_reader(stream.fileno(), f"{line}\n".encode(), waiting)
            return
        for line in lines:
            stream.write(f"{line}\n".encode())
            stream.flush()
        os.fsync(stream.fileno())
    except BrokenPipeError:
        raise
    except OSError as e:
        raise OSError(f"Cannot print: {e.strerror}. What was not printed comes next time.") from e


def end_cut_line(stream: BinaryIO) -> None:
    """End the last line of a file that is written on, if whoever wrote it was killed in it.

    Else the next line would be a part of it. The event of the line that was cut comes again, since
    its page was not noted.
    """
    if not _is_file(stream):
        return
    with suppress(OSError):  # a system that does not show a process its files
        with open(f"/dev/fd/{stream.fileno()}", "rb") as file:  # noqa: PTH123 - no path of a file
            if file.seek(0, os.SEEK_END) == 0:
                return
            file.seek(-1, os.SEEK_END)
            is_cut = file.read(1) != b"\n"
        if is_cut:
            stream.write(b"\n")
            stream.flush()


def moment(savetime: int) -> str:
    """Return a time in words; the number itself where no calendar has it."""
    try:
        found = _EPOCH + timedelta(milliseconds=savetime)
    except OverflowError:
        return f"{savetime}ms"
    return f"{found:%Y-%m-%dT%H:%M:%S}.{savetime % 1000:03}Z"


def _text(event: SavedEvent) -> str | None:
    try:
        return event.state.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _base64(event: SavedEvent) -> str:
    return b64encode(event.state).decode("ascii")


def _is_json(text: str) -> bool:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON.")

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _one_line(payload: str) -> str:
    return payload.replace("\n", " ").replace("\r", " ")


def _write_to_a_reader(
    file: int, line: bytes, waiting: Callable[[], AbstractContextManager[None]]
) -> None:
    """Write to a pipe or a terminal, so that no wait is for longer than who waits allows."""
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    while line:
        if not poll.poll(0):
            with waiting():
                poll.poll()
        with suppress(BlockingIOError):
            # So much is taken at once where any is.
            line = line[os.write(file, line[: select.PIPE_BUF]) :]


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False
