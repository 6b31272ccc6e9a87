"""Appends through the recorder, against the bare driver with the same prepared batch.

All append one event to an aggregate of its own each time, at the same consistency, from the same
number of threads. Without the notification log the recorder sends that batch too, and adds the
checks, the event type, and the protocol that makes every outcome known. With the log each append is
written into the log as well, in batches that threads share.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.measure import Comparison, compare, percentiles, rate, stretch
from benchmarks.operations import DRIVER, LOG_OFF, LOG_ON, appending
from benchmarks.processes import started, total

THREADS = (1, 8, 32, 128)
PROCESSES, THREADS_EACH = 4, 16
WARM_UP_STRETCHES = 9
"""For each node, three of each operation. A server that was just started gets faster for some 20 s,
until its Java has compiled what is often used."""


@dataclass(frozen=True)
class Appends:
    """One line of the report."""

    what: str
    processes: int
    threads: int
    comparison: Comparison

    def figures(self) -> dict[str, float | str]:
        """Return rates per second, their ratio, latencies in milliseconds, and what failed."""
        p50, p99 = percentiles(self.comparison.subject)
        return {
            "what": self.what,
            "processes": self.processes,
            "threads": self.threads,
            "driver_per_second": rate(self.comparison.baseline),
            "per_second": rate(self.comparison.subject),
            "ratio": self.comparison.ratio,
            "p50_ms": 1000 * p50,
            "p99_ms": 1000 * p99,
            **self.comparison.unanswered(),
        }


def measure(
    env: Mapping[str, str], *, seconds: float, pairs: int, warm_up: int
) -> Iterator[Appends]:
    """Measure in one process, then in several.

    :param warm_up: stretches that are not measured, before the first that is.
    """
    with (
        appending(env, DRIVER) as driver,
        appending(env, LOG_OFF) as log_off,
        appending(env, LOG_ON) as log_on,
    ):
        subjects = {LOG_OFF: log_off.append, LOG_ON: log_on.append}
        for operation in islice(cycle([driver.append, *subjects.values()]), warm_up):
            stretch(operation, threads=8, seconds=seconds)
        for what, append in subjects.items():
            for threads in THREADS:
                found = compare(
                    driver.append, append, threads=threads, seconds=seconds, pairs=pairs
                )
                yield Appends(what, 1, threads, found)
    kinds = [DRIVER, LOG_OFF, LOG_ON]
    with started(env, kinds, processes=PROCESSES, threads=THREADS_EACH) as together:
        for what in subjects:
            found = Comparison([], [])
            for _ in range(pairs):
                found.baseline.append(total(together.measure(DRIVER, seconds)))
                found.subject.append(total(together.measure(what, seconds)))
            yield Appends(what, PROCESSES, THREADS_EACH, found)
