"""What may become part of a key."""

import pytest
from eventsourcing.persistence import DataError

from eventstore_cassandra.keys import MAX_KEY_BYTES, check_key


@pytest.mark.parametrize(
    "value",
    ["", "Happened", "é" * (MAX_KEY_BYTES // 2), "x" * MAX_KEY_BYTES, b"\0" * MAX_KEY_BYTES],
    ids=["nothing", "a topic", "as long as allowed", "as long as allowed in ASCII", "bytes"],
)
def test_a_short_text_and_short_bytes_pass(value: str | bytes) -> None:
    check_key("the topic", value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("é" * (MAX_KEY_BYTES // 2 + 1), f"{MAX_KEY_BYTES + 2} bytes that begin with '.xe9"),
        (b"\xff" * (MAX_KEY_BYTES + 1), f"{MAX_KEY_BYTES + 1} bytes that begin with b'.xff"),
        ("Happ\0ened", r"a NUL in 'Happ.x00ened'"),
        ("Happ\ud800ened", r"'.ud800', which is no Unicode character, in 'Happ"),
        (None, "None, of type NoneType"),
        (1, "1, of type int"),
    ],
    ids=["a long text", "long bytes", "a NUL", "a lone surrogate", "None", "a number"],
)
def test_anything_else_is_refused_and_the_error_can_be_printed(value: object, found: str) -> None:
    with pytest.raises(DataError, match=rf"^Expected the topic .*, found {found}") as caught:
        check_key("the topic", value)
    assert str(caught.value).endswith("Nothing was written.")
    assert len(str(caught.value).encode()) < 500


def test_what_is_only_read_is_not_said_to_be_unwritten() -> None:
    with pytest.raises(DataError) as caught:
        check_key("the application's name", "\0", outcome="")
    assert str(caught.value).endswith("shorten or replace it.")
