"""How to measure so that a ratio means something on a machine that is not quiet."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

Operation = Callable[[], object]


@dataclass(frozen=True)
class Sample:
    """One stretch of one operation."""

    per_second: float
    latencies: list[float]
    """Seconds, one for each operation."""


@dataclass(frozen=True)
class Comparison:
    """Two operations measured in turn; the ratio is the median over the pairs."""

    baseline: list[Sample]
    subject: list[Sample]

    @property
    def ratio(self) -> float:
        """Rate of the subject as a part of the baseline's."""
        pairs = zip(self.subject, self.baseline, strict=True)
        return median(subject.per_second / baseline.per_second for subject, baseline in pairs)


def rate(samples: list[Sample]) -> float:
    """Return the median rate, in operations per second."""
    return median(sample.per_second for sample in samples)


def percentiles(samples: list[Sample]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the latencies, in seconds."""
    latencies = [latency for sample in samples for latency in sample.latencies]
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

    def repeat(_: int) -> list[float]:
        latencies = []
        while (before := perf_counter()) < deadline:
            operation()
            latencies.append(perf_counter() - before)
        return latencies

    with ThreadPoolExecutor(threads) as pool:
        latencies = [latency for each in pool.map(repeat, range(threads)) for latency in each]
    return Sample(len(latencies) / (perf_counter() - began), latencies)
