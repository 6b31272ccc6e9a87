"""Every case that the library ships is either run here, or left out for a reason."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.store import test_shipped_cases
from tests.store.views import test_event_counters

LEFT_OUT = {
    "eventsourcing.tests.persistence.ProcessRecorderTestCase": (
        "Cassandra has no transaction over the partitions of events and of tracking. That the "
        "process recorder refuses is tested in test_cassandra_recorders.py."
    ),
    "eventsourcing.tests.projection.EventSourcedProjectionTestCase": (
        "An event-sourced projection is a process application, and needs a process recorder."
    ),
    "eventsourcing.tests.persistence.TranscoderTestCase": (
        "This store brings no transcoder of its own. What a transcoder, a compressor and a cipher "
        "make of events is stored and read back in test_library_applications.py."
    ),
    "eventsourcing.tests.projection.TaggedDecisionCountersProjectionTestCase": (
        "Dynamic consistency boundaries need one condition over events of any aggregate, which is "
        "a condition over many partitions; this store has no recorder for them."
    ),
    "eventsourcing.dcb.tests.DCBRecorderTestCase": (
        "The same: there is no recorder for dynamic consistency boundaries."
    ),
}


def test_each_shipped_case_is_run_or_left_out_for_a_reason() -> None:
    assert shipped() - run_here() == set(LEFT_OUT)


def run_here() -> set[str]:
    """Return the full names of all classes that the tests here are subclasses of."""
    return {
        f"{base.__module__}.{base.__qualname__}"
        for module in (test_shipped_cases, test_event_counters)
        for member in vars(module).values()
        if isinstance(member, type) and member.__name__.startswith("Test")
        for base in member.__mro__
    }


def shipped() -> set[str]:
    """Return the full names of the cases in the library's modules of tests.

    They are found in the source, since some modules cannot be imported without a database's driver.
    """
    bases = dict(_classes())
    cases: set[str] = set()
    size = -1
    while size < len(cases):
        size = len(cases)
        known = {"TestCase"} | {name.rpartition(".")[2] for name in cases}
        cases |= {name for name, its_bases in bases.items() if its_bases & known}
    return cases


def _classes() -> Iterator[tuple[str, set[str]]]:
    spec = find_spec("eventsourcing")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if "tests" not in parts:
            continue
        module = ".".join(part for part in parts if part != "__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield f"{module}.{node.name}", {_name(base) for base in node.bases}


def _name(base: ast.expr) -> str:
    plain = base.value if isinstance(base, ast.Subscript) else base
    return ast.unparse(plain).rpartition(".")[2]
