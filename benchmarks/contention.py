"""Appends of many processes, with the notification log and without it: who gets how much of it.

The log has one head for all of them. What that costs shows in the ratio of the rates; whether it
is shared fairly, in the slowest process beside the fastest, and in the longest wait of all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.measure import Comparison, percentiles, rate
from benchmarks.operations import LOG_OFF, LOG_ON
from benchmarks.processes import Done, started, total

SHAPES = ((1, 1), (1, 8), (1, 64), (2, 32), (4, 16), (8, 8), (16, 4))
"""Processes, and threads of each."""
DELAYED = (4, 16)
DELAY = 0.003
"""Seconds by which one of the processes is further away, in a line of its own."""
ROUNDS = 3
"""How often log off and on are measured at the most, since there are many lines."""


@dataclass(frozen=True)
class Contention:
    """One line of the report."""

    processes: int
    threads: int
    delay: float
    off: list[list[Done]]
    on: list[list[Done]]
    """Both of each round, and in it of each process: the first of them is the delayed one."""

    def figures(self) -> dict[str, Any]:
        """Return rates per second, the ratio of log on to log off, shares, waits and requests."""
        comparison = Comparison(list(map(total, self.off)), list(map(total, self.on)))
        p50, _ = percentiles(comparison.subject)
        done = [each for together in self.on for each in together]
        appends = max(1, sum(len(each.sample.latencies) for each in done))
        longest = max((max(s.latencies, default=0.0) for s in comparison.subject), default=0.0)
        return {
            "what": f"one {1000 * self.delay:.0f} ms further away" if self.delay else "",
            "processes": self.processes,
            "threads": self.threads,
            "log_off_per_second": rate(comparison.baseline),
            "log_on_per_second": rate(comparison.subject),
            "ratio": comparison.ratio,
            "slowest_to_fastest": median(map(self._evenness, self.on)),
            "p50_ms": 1000 * p50,
            "longest_ms": 1000 * longest,
            "reads_per_append": sum(each.reads for each in done) / appends,
            "writes_per_append": sum(each.writes for each in done) / appends,
            **comparison.unanswered(),
        }

    def _evenness(self, together: list[Done]) -> float:
        """Return the slowest rate as a part of the fastest; of the others' median, if delayed."""
        rates = [each.sample.per_second for each in together]
        if self.delay:
            return rates[0] / max(median(rates[1:]), 1e-9)
        return min(rates) / max(*rates, 1e-9)


def measure(env: Mapping[str, str], *, seconds: float, pairs: int) -> Iterator[Contention]:
    """Measure each shape in its own processes, log off and on in turn, three times at the most."""
    for processes, threads, delay in [*((*shape, 0.0) for shape in SHAPES), (*DELAYED, DELAY)]:
        found = Contention(processes, threads, delay, [], [])
        with started(
            env, [LOG_OFF, LOG_ON], processes=processes, threads=threads, delay=delay
        ) as together:
            stretches = [(LOG_OFF, found.off), (LOG_ON, found.on)]
            for number in range(min(pairs, ROUNDS)):
                for what, done in stretches if number % 2 else reversed(stretches):
                    done.append(together.measure(what, seconds))
        yield found
