"""Pages of the list and the board with a thousand patients and with many, in milliseconds.

In both a ward has as many patients: a hospital has beds, and its years add to those who have left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks.filling import Told, admission, fill
from benchmarks.nodes import keyspace
from patientmgmt.queries import Queries
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.generations import Generations
from projections.projection import Projection

FEW = 1_000
ON_WARDS = 600
LOOKS = 50
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

    @property
    def ratio(self) -> float:
        """How many times as long with many."""
        return self.many / self.few


def sizes(env: Mapping[str, str], *, many: int) -> list[Page]:
    """Return how long each page takes with ``FEW`` and with ``many`` patients."""
    few, large = _looked(env, FEW), _looked(env, many)
    return [Page(name, few[name], large[name]) for name in PAGES]


def _looked(env: Mapping[str, str], patients: int) -> dict[str, float]:
    with keyspace(env) as inside, open_runtime(inside) as runtime:
        ids = fill(runtime, patients, _admitted_and_mostly_discharged)
        for name in ("ward_board", "patient_list"):
            _catch_up(runtime, name)
        amid = str(ids[len(ids) // 2])
        found: dict[str, float] = {}
        for name, page in PAGES.items():
            times = []
            for _ in range(LOOKS):
                began = perf_counter()
                page(runtime.queries, amid)
                times.append(perf_counter() - began)
            found[name] = median(times)
        return found


def _admitted_and_mostly_discharged(number: int) -> Told:
    discharge: Told = [("PatientDischarged", {})] if number >= ON_WARDS else []
    return [admission(number), *discharge]


def _catch_up(runtime: Runtime, name: str) -> None:
    live = Generations(runtime.database).live(MODELS[name])
    Projection(live, runtime.feed, runtime.database, runtime.decode).catch_up()
