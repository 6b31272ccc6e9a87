"""The execution profiles of a session: how each kind of request is carried out."""

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.policies import FallthroughRetryPolicy
from cassandra.query import dict_factory, tuple_factory

from eventstore_cassandra.balancing import SuspectsLast
from eventstore_cassandra.settings import Settings, level

APPEND = "append"
"""Profile of conditional writes."""
SERIAL_READ = "serial-read"
"""Profile of reads that first complete or supersede what is under way in the partition."""
PLAIN_READ = "plain-read"
"""Profile of reads at the usual consistency, of rows that are tuples. For the driver's own rows,
which have names, a class is made for each answer: it costs more than a small query."""
LOOK_READ = "look-read"
"""Profile of reads at the usual consistency, of rows that are read by column name."""
SCHEMA = "schema"
"""Profile of schema changes, which take seconds in a ring."""

_SCHEMA_TIMEOUT = 60.0


def profiles(settings: Settings, balancing: SuspectsLast) -> dict[object, ExecutionProfile]:
    """Return the profiles by their names; the default is for whoever uses the session itself."""
    serial = level(settings.serial_consistency)
    common = {
        "load_balancing_policy": balancing,
        "serial_consistency_level": serial,
        "request_timeout": settings.request_timeout,
    }
    return {
        EXEC_PROFILE_DEFAULT: ExecutionProfile(
            consistency_level=level(settings.read_consistency), **common
        ),
        PLAIN_READ: ExecutionProfile(
            consistency_level=level(settings.read_consistency),
            row_factory=tuple_factory,
            **common,
        ),
        LOOK_READ: ExecutionProfile(
            consistency_level=level(settings.read_consistency),
            row_factory=dict_factory,
            **common,
        ),
        # The default policy would repeat a conditional write at another node, and an append could
        # then be told that it conflicts with itself.
        APPEND: ExecutionProfile(
            consistency_level=level(settings.append_consistency),
            retry_policy=FallthroughRetryPolicy(),
            row_factory=dict_factory,
            **common,
        ),
        SERIAL_READ: ExecutionProfile(
            consistency_level=serial,
            retry_policy=FallthroughRetryPolicy(),
            row_factory=dict_factory,
            **common,
        ),
        SCHEMA: ExecutionProfile(
            load_balancing_policy=balancing,
            consistency_level=ConsistencyLevel.QUORUM,
            request_timeout=_SCHEMA_TIMEOUT,
            row_factory=dict_factory,
        ),
    }
