"""How to measure so that a ratio means something on a machine that is not quiet.

On a slow machine a server may run out of time. An operation that gets no answer is counted apart:
neither its latency nor the operation itself counts, but the time that it took is part of its
stretch, so that the rate, and with it the ratio, is the lower for it. The bare driver gives up at
once; a recorder asks again first, which takes time too, and gives up after some attempts.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan
from statistics import median, quantiles
from time import perf_counter

from eventsourcing.persistence import OperationalError

Operation = Callable[[], object]


@dataclass(frozen=True)
class Sample:
    """One stretch of one operation."""

    per_second: float
    latencies: list[float]
    """Seconds, one for each operation that was answered."""
    unanswered: int = 0
    """Operations that were not."""


@dataclass(frozen=True)
class Comparison:
    """Two operations measured in turn; the ratio is the median over the pairs."""

    baseline: list[Sample]
    subject: list[Sample]

    @property
    def ratio(self) -> float:
        """Rate of the subject as a part of the baseline's; of pairs in which that did anything."""
        pairs = zip(self.subject, self.baseline, strict=True)
        ratios = [each.per_second / base.per_second for each, base in pairs if base.latencies]
        return median(ratios) if ratios else nan

    def unanswered(self) -> dict[str, int]:
        """Return how many operations of either got no answer."""
        return {
            "baseline_unanswered": unanswered(self.baseline),
            "unanswered": unanswered(self.subject),
        }


def rate(samples: list[Sample]) -> float:
    """Return the median rate, in operations per second."""
    return median(sample.per_second for sample in samples)


def unanswered(samples: list[Sample]) -> int:
    """Return how many operations got no answer."""
    return sum(sample.unanswered for sample in samples)


def percentiles(samples: list[Sample]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the latencies, in seconds."""
    latencies = [latency for sample in samples for latency in sample.latencies]
    if len(latencies) < 2:
        return nan, nan
    cuts = quantiles(latencies, n=100)
    return cuts[49], cuts[98]


def compare(
    baseline: Operation, subject: Operation, *, threads: int, seconds: float, pairs: int
) -> Comparison:
    """Measure two operations :func:`in_turn`."""
    found = in_turn([baseline, subject], threads=threads, seconds=seconds, rounds=pairs)
    return Comparison(*found)


def in_turn(
    operations: Sequence[Operation], *, threads: int, seconds: float, rounds: int
) -> list[list[Sample]]:
    """Measure operations in turn, so that what else the machine does falls on all of them.

    The order alternates from round to round, since the later ones often find warmer caches.
    """
    found: list[list[Sample]] = [[] for _ in operations]
    for number in range(rounds):
        stretches = list(zip(operations, found, strict=True))
        for operation, samples in stretches if number % 2 else reversed(stretches):
            samples.append(stretch(operation, threads=threads, seconds=seconds))
    return found


def stretch(operation: Operation, *, threads: int, seconds: float) -> Sample:
    """Repeat an operation in some threads for some seconds."""
    began = perf_counter()
    deadline = began + seconds

    def repeat(_: int) -> tuple[list[float], int]:
        latencies, not_answered = [], 0
        while (before := perf_counter()) < deadline:
            if is_answered(operation):
                latencies.append(perf_counter() - before)
            else:
                not_answered += 1
        return latencies, not_answered

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(repeat, range(threads)))
    took = perf_counter() - began
    latencies = [latency for each, _ in found for latency in each]
    return Sample(len(latencies) / took, latencies, sum(number for _, number in found))


def is_answered(operation: Operation) -> bool:
    """Carry an operation out, and tell whether it was answered; a refusal is raised."""
    try:
        operation()
    except OperationalError:
        return False
    return True
