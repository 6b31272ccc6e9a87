"""The same application on Cassandra, and on the stores that the library brings along.

On each the same commands are carried out: a patient is admitted, and is then transferred, for which
the patient is loaded. Every store has the library's defaults. With these SQLite and PostgreSQL sync
each commit to the disk, as a node that is started for this does.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks.measure import Comparison, in_turn, percentiles, rate, stretch, unanswered
from benchmarks.nodes import without_log
from benchmarks.postgres import PostgresNotFoundError, postgres
from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.environment import SQLITE

COMMANDS = 2
"""In one operation."""
THREADS = (1, 8)


@dataclass(frozen=True)
class Store:
    """One line of the report: a store, compared with Cassandra and its log."""

    name: str
    one_thread: Comparison
    several_threads: Comparison
    loading: Comparison

    def figures(self) -> dict[str, float | str]:
        """Return commands per second, milliseconds to load, and ratios of what is done a second."""
        return {
            "store": self.name,
            "commands_per_second": COMMANDS * rate(self.one_thread.subject),
            "ratio": self.one_thread.ratio,
            "commands_per_second_8_threads": COMMANDS * rate(self.several_threads.subject),
            "ratio_8_threads": self.several_threads.ratio,
            "loading_ms": 1000 * percentiles(self.loading.subject)[0],
            "loading_ratio": self.loading.ratio,
            "unanswered": sum(
                unanswered(each.subject)
                for each in (self.one_thread, self.several_threads, self.loading)
            ),
        }


def measure(
    env: Mapping[str, str], *, seconds: float, pairs: int, report: Callable[[str], None]
) -> list[Store]:
    """Measure all stores in turn; what is said to ``report`` is why one is left out."""
    with _applications(env, report) as applications:
        commands = [partial(_admit_and_transfer, each) for each in applications.values()]
        loads = [partial(each.patient, _three_events(each)) for each in applications.values()]
        for operation in commands + loads:
            stretch(operation, threads=THREADS[-1], seconds=seconds)
        measured = [
            in_turn(operations, threads=threads, seconds=seconds, rounds=pairs)
            for operations, threads in ((commands, 1), (commands, THREADS[-1]), (loads, 1))
        ]
        return [
            Store(name, *(Comparison(of_all[0], of_all[index]) for of_all in measured))
            for index, name in enumerate(applications)
        ]


@contextmanager
def _applications(
    env: Mapping[str, str], report: Callable[[str], None]
) -> Iterator[dict[str, PatientManagement]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        environments = {
            "Cassandra": dict(env),
            "Cassandra, log off": without_log(env),
            "SQLite": {"PERSISTENCE_MODULE": SQLITE, "SQLITE_DBNAME": str(folder / "events")},
        }
        try:
            environments["PostgreSQL"] = stack.enter_context(postgres(env))
        except PostgresNotFoundError as e:
            report(f"PostgreSQL is left out: {e}")
        yield {
            name: stack.enter_context(PatientManagement(environment))
            for name, environment in environments.items()
        }


def _admit_and_transfer(application: PatientManagement) -> UUID:
    admit = AdmitPatient(name="Ann Example", age=34, ward="Ward 1")
    patient_id = application.admit(admit).patient_id
    application.transfer(TransferPatient(patient_id=patient_id, ward="Ward 2"))
    return patient_id


def _three_events(application: PatientManagement) -> UUID:
    patient_id = _admit_and_transfer(application)
    application.transfer(TransferPatient(patient_id=patient_id, ward="Ward 3"))
    return patient_id
