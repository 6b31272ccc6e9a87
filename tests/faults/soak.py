"""Random faults, one after the other, for a long time: ``python -m tests.faults.soak``."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random, randrange

from patientmgmt.local_cassandra import Cluster
from tests.faults.ring import ring_settings
from tests.faults.scenarios import SCENARIOS
from tests.faults.stores import create_store

_BUCKET_SIZES = (3, 50, 1000)
_SHOWN = 20


def main() -> int:
    """Run until the time is over or a promise is broken, and return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=None, help="of the order of faults")
    arguments = parser.parse_args()
    seed = randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"Seed {seed}. Three nodes start, which takes a minute.", flush=True)
    with tempfile.TemporaryDirectory() as data, Cluster(ring_settings(Path(data))) as cluster:
        found = _soak(cluster, Random(seed), arguments.minutes)
    for violation in found[:_SHOWN]:
        print(violation, file=sys.stderr)
    return 1 if found else 0


def _soak(cluster: Cluster, random: Random, minutes: float) -> Sequence[str]:
    """Return the violations of the first run that has any."""
    stores = [create_store(cluster, bucket_size=size) for size in _BUCKET_SIZES]
    began, appends = time.monotonic(), 0
    while (passed := time.monotonic() - began) < minutes * 60:
        scenario, store = random.choice(SCENARIOS), random.choice(stores)
        report = scenario(cluster, store, random.randrange(2**32))
        appends += len(report.attempts)
        print(
            f"{passed / 60:5.1f} of {minutes:g} min, {appends} appends: {scenario.__name__}, "
            f"buckets of {store.bucket_size}, {report}",
            flush=True,
        )
        if report.violations:
            return report.violations
    return ()


if __name__ == "__main__":
    sys.exit(main())
