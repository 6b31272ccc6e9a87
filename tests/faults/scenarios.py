"""One function for each fault: it starts the children, lets the fault happen, and reports.

Each of them is repeatable as far as its seed goes; what the processes make of it together is not.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from time import sleep
from uuid import uuid4

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore
from patientmgmt.local_cassandra import Cluster
from tests.faults.plan import Losses, Store
from tests.faults.quorum import QuorumReads
from tests.faults.report import Report
from tests.faults.ring import killed, pause, paused, resume
from tests.faults.run import Run

Scenario = Callable[[Cluster, Store, int], Report]

_PAUSE = 5.0
"""Seconds that a node stands still: more than all time-outs of a request, less than it takes the
others to call it dead."""
_EXPIRY = 2.0
"""Seconds after which a node drops what another has sent it: the server's write time-out."""
_IN_FLIGHT = 48
_MANY = 8
_DELAY = 0.003
_ENDLESS = 1_000_000
_HELD_FROM = 3


def no_fault(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Several writers and readers, and conflicts."""
    with Run(store, seed) as run:
        run.add_readers()
        run.add_writers()
        run.start()
        return run.finish()


def node_killed(cluster: Cluster, store: Store, seed: int) -> Report:
    """A node dies without notice and comes back, while writers go on with the two others."""
    with Run(store, seed) as run:
        run.add_readers()
        # Few threads: a node that starts shares the processors with them.
        writers = run.add_writers(appends=_ENDLESS, threads=2)
        run.start()
        run.wait_for_appends(50)
        with killed(cluster, run.random.choice(cluster.nodes)):
            run.wait_for_appends(50)
        run.wait_for_appends(50)
        for writer in writers:
            writer.send("enough")
        return run.finish()


def node_paused(cluster: Cluster, store: Store, seed: int) -> Report:
    """A node stands still for some seconds, and then answers what it was asked before."""
    with Run(store, seed) as run:
        run.add_readers()
        writers = run.add_writers(appends=_ENDLESS)
        run.start()
        run.wait_for_appends(100)
        with paused(run.random.choice(cluster.nodes)):
            sleep(_PAUSE)
        run.wait_for_appends(50)
        for writer in writers:
            writer.send("enough")
        return run.finish()


def many_processes(cluster: Cluster, store: Store, seed: int) -> Report:
    """Eight writing processes, of which one is further away, one stands still, and one dies.

    A node stands still meanwhile, too, so that outcomes are uncertain.
    """
    with Run(store, seed) as run:
        run.add_readers()
        writers = [
            run.add(f"writer-{n}", "writer", threads=2, appends=_ENDLESS, delay=0 if n else _DELAY)
            for n in range(_MANY)
        ]
        run.start()
        run.wait_for_appends(100)
        killed_one, stopped, *others = reversed(writers)
        run.kill(killed_one)
        stopped.pause()
        run.wait_for_appends(100)
        with paused(run.random.choice(cluster.nodes)):
            sleep(_PAUSE)
        stopped.resume()
        run.wait_for_appends(100)
        for writer in (stopped, *others):
            writer.send("enough")
        return run.finish()


def writer_killed(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Writers die between reserve and decide, so that only readers can decide their appends.

    What they were about to append to quiet aggregates is pending; on hot ones it is overtaken.
    """
    with Run(store, seed) as run:
        run.add_readers()
        run.add_writers()
        quiet = run.add("victim-quiet", "writer", held_from=_HELD_FROM, hot_share=0.0)
        hot = run.add("victim-hot", "writer", held_from=_HELD_FROM, hot_share=1.0)
        run.start()
        for victim in (quiet, hot):
            victim.wait_for("held", count=victim.plan.threads)
            run.kill(victim)
        run.wait_until_helped(quiet)
        return run.finish()


def writer_paused(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Writers stand still between reserve and decide until readers have decided their appends.

    They then find themselves helped, and must be told that their append is there.
    """
    with Run(store, seed) as run:
        run.add_readers()
        run.add_writers()
        quiet = run.add("victim-quiet", "writer", appends=8, held_from=_HELD_FROM, hot_share=0.0)
        hot = run.add("victim-hot", "writer", appends=8, held_from=_HELD_FROM, hot_share=1.0)
        run.start()
        for victim in (quiet, hot):
            victim.wait_for("held", count=victim.plan.threads)
            victim.pause()
        run.wait_until_helped(quiet)
        for victim in (quiet, hot):
            victim.resume()
            victim.send("release")
        return run.finish()


def requests_lost(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Requests and answers are lost or late at both steps, for writers and for readers that help.

    Two attempts only, so that outcomes stay unknown now and then.
    """
    losses = Losses(at_reserve=0.15, at_decide=0.15)
    with Run(store, seed) as run:
        run.add_readers(losses=losses, append_attempts=2)
        run.add_writers(losses=losses, append_attempts=2)
        run.start()
        return run.finish()


def appends_refused(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Aggregates refuse what the log has accepted, as too large; requests and answers get lost.

    A writer dies before it is refused, so that readers are refused, and have to pass.
    """
    losses = Losses(at_reserve=0.1, at_decide=0.1)
    with Run(store, seed) as run:
        run.add_readers(losses=losses)
        run.add_writers(losses=losses, too_large=0.2)
        victim = run.add("victim", "writer", held_from=_HELD_FROM, hot_share=0.0, too_large=1.0)
        run.start()
        victim.wait_for("held", count=victim.plan.threads)
        run.kill(victim)
        run.wait_until_helped(victim)
        return run.finish()


def readers_killed(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Readers die, and others go on after the last position that those had told."""
    with Run(store, seed) as run:
        readers = run.add_readers()
        run.add_writers()
        run.start()
        for _ in range(2):
            for number, reader in enumerate(readers):
                reader.wait_for("seen", count=5)
                run.kill(reader)
                readers[number] = run.resume_reader(reader)
        return run.finish()


def aggregates_erased(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Aggregates are erased while they are written to; requests and answers get lost.

    Two erasers meet at one hot aggregate. A victim dies with its appends reserved, to aggregates
    that are then erased. What is on other aggregates must be untouched.
    """
    losses = Losses(at_reserve=0.1, at_decide=0.1)
    with Run(store, seed) as run:
        quiet = tuple(str(uuid4()) for _ in range(4))
        pending = tuple(str(uuid4()) for _ in range(4))
        run.add_readers()
        run.add("writer-1", "writer", losses=losses, quiet=quiet)
        run.add("writer-2", "writer", losses=losses)
        victim = run.add("victim", "writer", held_from=_HELD_FROM, hot_share=0.0, quiet=pending)
        shared, other = run.hot[:2]
        run.add("eraser-1", "eraser", hot=(shared, *quiet[:2]), losses=losses)
        run.add("eraser-2", "eraser", hot=(shared, other, *pending[:2]), losses=losses)
        run.start(victim)
        victim.wait_for("held", count=victim.plan.threads)
        run.kill(victim)
        run.start(*run.others(victim))
        return run.finish()


def orphan_skipped(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Not a fault but a fraud: a reader that passes over what it ought to decide.

    The append goes on when the reader is past it. The report must have violations.
    """
    with Run(store, seed) as run:
        reader = run.add("skipping reader", "reader", skips_pending=True)
        writer = run.add("writer", "writer", threads=1, appends=6, held_from=5, hot_share=0.0)
        run.start()
        writer.wait_for("held")
        run.wait_until_helped(writer)
        marker = run.add("marker", "writer", threads=1, appends=1)
        run.start(marker)
        run.wait_until_all_saw(marker, reader)
        writer.send("release")
        return run.finish()


def at_the_edge(_cluster: Cluster, store: Store, seed: int) -> Report:
    """Every few positions are a bucket of their own, so that writers meet at edges only."""
    with Run(store, seed) as run:
        run.add_readers()
        run.add_writers(appends=15, largest=min(3, store.bucket_size))
        run.start()
        return run.finish()


def commit_on_one_replica(cluster: Cluster, store: Store, seed: int) -> Report:
    """Batches are decided by all replicas, but committed on one, which then dies.

    All appends are reserved and held, then sent to one coordinator, which is stopped until it has
    them all. It goes on, and is stopped again as soon as the first is answered, so that what the
    two other replicas have accepted by then waits at its door. The others are stopped next, and it
    goes on: those batches it commits alone, and the others find the commits too old when they go
    on. A quorum of it and another reads the versions of some aggregates, and the appends' names of
    others, which repairs these columns there, and nothing else; then it dies. A quorum read of the
    two that are left shows a new version without its event, which is aborted, were it believed; or
    an event without its type and its state, which is loaded whole all the same.

    How many batches are at that point when the coordinator stops is chance, some of those in
    flight; the report says how many a quorum read told wrongly. The hints by which the commits
    would reach the others by and by, after ten seconds, are not prevented.
    """
    with Run(store, seed) as run, closing(CassandraDatastore(store.settings())) as datastore:
        coordinator, second, third = run.random.sample(cluster.nodes, 3)
        loader = CassandraApplicationRecorder(datastore)
        reads = QuorumReads(run.datastore, coordinator, _IN_FLIGHT)
        writer = run.add(
            "writer",
            "writer",
            threads=_IN_FLIGHT,
            appends=2,
            append_attempts=1,
            largest=1,
            held_from=1,
            hot_share=0.0,
            quiet=reads.aggregates,
        )
        readers = run.add_readers()
        marker = run.add("marker", "writer", threads=1, appends=1, hot_share=0.0)
        run.start(writer)
        writer.wait_for("held", count=_IN_FLIGHT)
        with paused(coordinator):
            writer.send("release")
            writer.wait_for("deciding", count=_IN_FLIGHT)
        writer.wait_for("end", count=_IN_FLIGHT + 1)
        with paused(coordinator):
            pause(second, third)
        with paused(second, third):
            writer.wait_until_it_ends()
            sleep(_EXPIRY)
            resume(second)
            reads.read_some_columns()
        with killed(cluster, coordinator):
            misleading, in_part = reads.count_misleading(), reads.count_in_part()
            harmed = reads.load(loader)
            run.start(*readers, marker)
            run.wait_until_all_saw(marker, *readers)
        report = run.finish()
        violations = [*report.violations, *harmed]
        return replace(report, misleading=misleading, in_part=in_part, violations=violations)


SCENARIOS: tuple[Scenario, ...] = (
    no_fault,
    node_killed,
    node_paused,
    writer_killed,
    writer_paused,
    requests_lost,
    appends_refused,
    readers_killed,
    aggregates_erased,
    at_the_edge,
    commit_on_one_replica,
)
