"""Pages of the list and the board with a thousand patients and with many, in milliseconds.

In all a ward has as many patients: a hospital has beds, and its years add to those who have left.
Each departure leaves a tombstone for ten days. So the many are looked at twice: while all their
tombstones are there, as after a rebuild, and once they are purged, as in a hospital whose
departures are those of years.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

from benchmarks.filling import Told, admission, fill
from benchmarks.nodes import compact, keyspace
from eventstore_cassandra import CassandraFactory
from eventstore_cassandra.datastore import quoted
from patientmgmt.queries import Queries
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.generations import Generations
from projections.projection import Projection

FEW = 1_000
ON_WARDS = 600
LOOKS = 50
MODELS_LOOKED_AT = ("ward_board", "patient_list")
PAGES: Mapping[str, Callable[[Queries, str], object]] = {
    "the board": lambda queries, _: queries.board.wards(),
    "first page of the list": lambda queries, _: queries.patients.page(),
    "a page amid the list": lambda queries, patient: queries.patients.page(after=patient),
    "the page before it": lambda queries, patient: queries.patients.page(before=patient),
    "those admitted": lambda queries, _: queries.patients.page(shelf="admitted"),
    "search for a full name": lambda queries, _: queries.patients.page(search="Chiara Bo 13"),
    "a ward in the list": lambda queries, _: queries.patients.page(ward="Ward 7"),
}


@dataclass(frozen=True)
class Page:
    """How long one page takes, in seconds: the median of some looks."""

    name: str
    few: float
    many: float
    """All of whose departures were of the last ten days."""
    purged: float | None
    """With many, whose departures were before; None on servers that were not started for this."""

    @property
    def ratio(self) -> float:
        """How many times as long with many: with their tombstones purged, where that is known."""
        return (self.purged or self.many) / self.few


def sizes(env: Mapping[str, str], *, many: int) -> list[Page]:
    """Return how long each page takes with ``FEW`` and with ``many`` patients."""
    with _filled(env, FEW) as (_, look):
        few = look()
    with _filled(env, many) as (inside, look):
        large = look()
        purged = look() if _purge(inside) else {}
    return [Page(name, few[name], large[name], purged.get(name)) for name in PAGES]


@contextmanager
def _filled(
    env: Mapping[str, str], patients: int
) -> Iterator[tuple[Mapping[str, str], Callable[[], Mapping[str, float]]]]:
    """Yield an environment with so many patients, and what looks at the pages there."""
    with keyspace(env) as inside, open_runtime(inside) as runtime:
        ids = fill(runtime, patients, _admitted_and_mostly_discharged)
        for name in MODELS_LOOKED_AT:
            _catch_up(runtime, name)
        amid = str(ids[len(ids) // 2])
        yield inside, lambda: {name: _time(runtime, amid, page) for name, page in PAGES.items()}


def _time(runtime: Runtime, amid: str, page: Callable[[Queries, str], object]) -> float:
    times = []
    for _ in range(LOOKS):
        began = perf_counter()
        page(runtime.queries, amid)
        times.append(perf_counter() - began)
    return median(times)


def _purge(env: Mapping[str, str]) -> bool:
    """Purge the read models' tombstones as if ten days were over; return whether that was done."""
    name = env["CASSANDRA_KEYSPACE"]
    factory = CassandraFactory(env)
    session = factory.datastore.session
    tables = session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", [name]
    )
    for (table,) in tables:
        if table.startswith(MODELS_LOOKED_AT):
            session.execute(f"ALTER TABLE {quoted(name)}.{table} WITH gc_grace_seconds = 0")
    factory.close()
    sleep(2)  # for a tombstone is purged in the second after its own
    return compact(env, name)


def _admitted_and_mostly_discharged(number: int) -> Told:
    discharge: Told = [("PatientDischarged", {})] if number >= ON_WARDS else []
    return [admission(number), *discharge]


def _catch_up(runtime: Runtime, name: str) -> None:
    live = Generations(runtime.database).live(MODELS[name])
    Projection(live, runtime.feed, runtime.database, runtime.decode).catch_up()
