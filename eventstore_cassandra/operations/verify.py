"""Verifying a store: whatever is derived is compared with the aggregates' partitions, the truth."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.operations.inventory import Inventory, from_key, open_inventory
from eventstore_cassandra.operations.left_overs import LeftOvers
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.scan import LogScan
from eventstore_cassandra.operations.second_looks import SecondLooks
from eventstore_cassandra.schema_version import checked_schema

FIRST = 5
"""How many of each finding are named."""


class Check(Enum):
    """What may be found, as the view of ``inventory.sql`` that shows it."""

    VERSIONS = "wrong_versions"
    UNKNOWN_TYPE = "unknown_type"
    CURRENT_VERSION = "wrong_current_version"
    NOT_IN_VIEW = "not_in_view"
    ONLY_IN_VIEW = "only_in_view"
    MISSING_IN_LOG = "missing"
    TWICE_IN_LOG = "twice"
    OUT_OF_ORDER = "out_of_order"
    UNFOUNDED = "unfounded"
    HOLES = "hole"
    LEFT_OVER = "left_over"

    @property
    def sentence(self) -> str:
        """What is wrong, as what stands behind a number."""
        return _SENTENCES[self]


_SENTENCES = {
    Check.VERSIONS: "aggregates with a version left out, or there twice",
    Check.UNKNOWN_TYPE: "events of a type that the registry event_types does not have",
    Check.CURRENT_VERSION: "aggregates whose current_version is not that of their last event",
    Check.NOT_IN_VIEW: "events that are not in the type view",
    Check.ONLY_IN_VIEW: "rows of the type view that are no events",
    Check.MISSING_IN_LOG: "events that are not in the notification log",
    Check.TWICE_IN_LOG: "events that are in the notification log more than once",
    Check.OUT_OF_ORDER: "events that are in the notification log behind a later version",
    Check.UNFOUNDED: "rows of the notification log that are marked as events and are none",
    Check.HOLES: "positions of the notification log without a row",
    Check.LEFT_OVER: "events of erased aggregates that still have their contents",
}
_OF_THE_LOG = (
    Check.MISSING_IN_LOG,
    Check.TWICE_IN_LOG,
    Check.OUT_OF_ORDER,
    Check.UNFOUNDED,
    Check.HOLES,
)


@dataclass(frozen=True)
class Finding:
    """What one check has found."""

    check: Check
    count: int
    first: Sequence[str]
    """Some of it: events as their aggregate's id and their version, or positions."""


@dataclass(frozen=True)
class Report:
    """What was compared, and what is wrong."""

    aggregates: int
    erased: int
    """How many of them are erased."""
    events: int
    view_rows: int
    positions: int | None
    """None where the log was not verified, because it is off."""
    pending: int
    """Appends in the log that nobody had decided when they were read; a reader will."""
    barred: int
    """Appends that were refused for good, of which nothing was written."""
    findings: Sequence[Finding]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(datastore: CassandraDatastore) -> Generator[Progress, None, Report]:
    """Compare registry, type view, notification log and ``current_version`` with the events.

    The whole store is read, without the states of events; a temporary file takes some 300 bytes for
    each event. Events that are written meanwhile are no findings: whatever looks wrong but may have
    been overtaken is read again, at serial consistency, before it is reported. Of erased aggregates
    it is the contents that must not be there. The log is left out when it is off in the keyspace,
    or in the settings where the keyspace does not say.

    :raises ProgrammingError: when the tables are not those that this program needs.
    :raises OperationalError: when the store cannot be reached.
    """
    schema = checked_schema(datastore)
    attempts = datastore.settings.append_attempts
    event_types = EventTypes(datastore, attempts=attempts)
    log = LogScan(datastore, event_types)
    with open_inventory() as inventory:
        looks = SecondLooks(datastore, inventory)
        yield from inventory.read_truth(datastore)
        inventory.look_up_types(event_types)
        yield from inventory.read_view(datastore)
        yield from looks.at_aggregates()
        yield from looks.at_the_view()
        said = schema.notification_log
        with_log = said == "yes" if said else datastore.settings.notification_log
        if with_log:
            yield from inventory.read_log(log)
            yield from looks.at_names()
            yield from inventory.read_log(log)
            yield from looks.at_unfounded()
        yield from LeftOvers(datastore, event_types, inventory).find()
        checks = [check for check in Check if with_log or check not in _OF_THE_LOG]
        return Report(
            aggregates=inventory.count("aggregate"),
            erased=inventory.count("erased"),
            events=inventory.count("truth"),
            view_rows=inventory.count("type_view"),
            positions=inventory.count("log_read", "max(up_to)") if with_log else None,
            pending=inventory.count("pending"),
            barred=inventory.count("barred"),
            findings=[found for check in checks if (found := _finding(inventory, check)).count],
        )


def _finding(inventory: Inventory, check: Check) -> Finding:
    view = check.value
    if check is Check.HOLES:
        rows = inventory.database.execute(f"SELECT position FROM {view} LIMIT {FIRST}")
        first = [f"position {position}" for (position,) in rows]
        return Finding(check, inventory.count(view, "sum(size)"), first)
    rows = inventory.database.execute(f"SELECT id, version FROM {view} LIMIT {FIRST}")
    first = [f"{from_key(id_)} version {version}" for id_, version in rows]
    return Finding(check, inventory.count(view), first)
