"""What the walk through the event store tells comes out when its steps are carried out."""

import re
from importlib.resources import files
from pathlib import Path

from docs.by_hand import DOCUMENT, STEP, normalised, walked
from eventstore_cassandra.appending import LOCK
from eventstore_cassandra.schema import statements
from tests.docs.blocks import blocks

TEXT = DOCUMENT.read_text(encoding="utf-8")
CQL = [block.code for block in blocks(DOCUMENT) if block.language == "sql"]


def test_every_step_gives_what_is_shown(tmp_path: Path) -> None:
    found = normalised(walked(TEXT, tmp_path)).splitlines()
    assert found == normalised(TEXT).splitlines(), "`python -m docs.by_hand` writes it anew"


def test_no_block_is_left_out() -> None:
    found = blocks(DOCUMENT)
    steps = list(STEP.finditer(TEXT))
    shown = [step["shown"] for step in steps if step["shown"] is not None]
    assert [block.code for block in found if block.language == "text"] == shown
    assert len(found) == len(steps) + len(shown)


def test_table_and_view_are_those_of_the_schema() -> None:
    schema = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    made = schema.format(keyspace="eventstore", id_type="uuid")
    shown = [_on_one_line(cql) for cql in CQL if re.match(r"CREATE (TABLE|MATERIALIZED)", cql)]
    assert len(shown) == 2
    assert set(shown) <= {_on_one_line(statement) for statement in statements(made)}


def test_the_condition_that_is_shown_is_the_one_that_is_sent() -> None:
    (shown,) = [_on_one_line(cql) for cql in CQL if "barred" in cql and cql.startswith("UPDATE")]
    variables = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\d\b"
    assert re.sub(variables, "?", shown) == LOCK.format(keyspace="eventstore")


def _on_one_line(cql: str) -> str:
    return " ".join(cql.split()).rstrip(";")
