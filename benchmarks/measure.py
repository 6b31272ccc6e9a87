"""How to measure so that a ratio means something on a machine that is not quiet."""

from collections.abc import Callable
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
    """Measure two operations in turn, so that what else the machine does falls on both.

    The order within the pairs alternates, since the second of two often finds warmer caches.
    """
    found = Comparison([], [])
    for number in range(pairs):
        stretches = [(baseline, found.baseline), (subject, found.subject)]
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
