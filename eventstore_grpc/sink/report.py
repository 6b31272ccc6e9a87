"""What a sink tells of what it has seen."""

from eventstore_grpc.sink.comparison import Comparison
from eventstore_grpc.sink.seen import Counts
from eventstore_grpc.sink.watching import Watch


def seen(counts: Counts) -> str:
    """Return what has come."""
    return f"Seen so far: {counts}."


def compared(comparison: Comparison, watch: Watch, store: str) -> str:
    """Return what the comparison has found."""
    found = comparison.findings
    lines = [
        f"Compared with the store at {store}:",
        f"{found.held:10} updates that it holds",
        f"{found.refused:10} updates that it has refused",
        f"{found.erased:10} updates of aggregates that are erased",
        f"{found.missing:10} updates that it does not have",
        f"{found.both:10} events of its log that were mirrored",
        f"{found.never_mirrored:10} events of its log that were never mirrored",
        f"{comparison.appends_waiting + comparison.events_waiting:10} not compared yet",
        f"{found.not_compared:10} that could not be compared",
    ]
    if watch.log_failure:
        lines.append(f"Its log could not be read: {watch.log_failure}")
    return "\n".join(lines)


def is_whole(comparison: Comparison, watch: Watch) -> bool:
    """Return whether everything was compared, and is on both sides."""
    found = comparison.findings
    return not (found.missing or found.never_mirrored or found.not_compared or watch.log_failure)
