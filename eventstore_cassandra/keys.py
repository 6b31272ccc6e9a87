"""What may become part of a key, checked before anything is sent.

A server checks the length of a clustering key in a plain write, but not in a conditional one, nor
in the batch that such a write is part of. One that is too long is accepted there and written, and
the node cannot read its own commit log and tables any more: it does not start again. So whoever
makes a key of a value that comes from outside has it checked here first.
"""

from eventsourcing.persistence import DataError

MAX_KEY_BYTES = 4096
"""The most that one part of a key may take, as UTF-8. The server's files have 16 bits for its
length; a sixteenth of that leaves room for keys of several parts, and for what a server adds."""

_SHOWN = 40


def check_key(what: str, value: object, *, outcome: str = "Nothing was written.") -> None:
    """Let pass a text or bytes that may become part of a key.

    :param what: what the value is, as in "Expected the topic of an event as ...".
    :param outcome: what is so now, as the last sentence of the error.
    :raises DataError: for a value that is too long; a text with a NUL or a lone surrogate, which is
        no Unicode; or neither text nor bytes.
    """
    found = size = None
    if isinstance(value, bytes):
        size = len(value)
    elif not isinstance(value, str):
        found = f"{value!r:.{_SHOWN}}, of type {type(value).__name__}"
    elif "\0" in value:
        found = f"a NUL in {_beginning(value)}"
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError as e:
            found = f"{value[e.start]!a}, which is no Unicode character, in {_beginning(value)}"
    if size is not None and size > MAX_KEY_BYTES:
        found = f"{size} bytes that begin with {_beginning(value)}"
    if found:
        raise DataError(
            f"Expected {what} as a text of at most {MAX_KEY_BYTES} bytes in UTF-8, found {found}. "
            f"It becomes part of a key: shorten or replace it. {outcome}".rstrip()
        )


def _beginning(value: object) -> str:
    return ascii(value[:_SHOWN] if isinstance(value, str | bytes) else value)
