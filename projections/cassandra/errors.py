"""The driver's errors, told as the read models': what failed, why, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import DriverException, InvalidRequest, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessage

from projections.errors import (
    UNFIT_VALUES,
    ChangeRefusedError,
    ReadModelsUnavailableError,
    TablesMissingError,
)

_SCHEMA_DIFFERS = re.compile("(?:does not|doesn't) exist|[Uu]ndefined column|unconfigured table")
"""How servers say that a keyspace, a table or a column is not there."""


@contextmanager
def availability(keyspace: str) -> Iterator[None]:
    """Turn the driver's errors in the block into the read models' own.

    :raises ReadModelsUnavailableError: saying whether tables are missing, a request was refused, or
        no answer came.
    """
    try:
        yield
    except UNFIT_VALUES as e:
        raise ChangeRefusedError(
            f"A row of a read model has a value that its column in keyspace {keyspace} cannot "
            f"have: {type(e).__name__}."
        ) from e
    except InvalidRequest as e:
        reason = _reason(e)
        if _SCHEMA_DIFFERS.search(reason):
            raise TablesMissingError(
                f"The read models' tables in keyspace {keyspace} are missing or not as expected: "
                f"{reason}. Run `patientmgmt init`."
            ) from e
        raise ChangeRefusedError(
            f"Cassandra refused a request for the read models in keyspace {keyspace}: {reason}. "
            "Check the limits and guardrails in the server's cassandra.yaml."
        ) from e
    except (DriverException, NoHostAvailable, ConnectionException, ErrorMessage) as e:
        raise ReadModelsUnavailableError(
            f"The read models in keyspace {keyspace} cannot be reached: {_reason(e)}. Check that "
            "Cassandra runs and that enough replicas are up."
        ) from e


def _reason(error: Exception) -> str:
    match error:
        case NoHostAvailable(errors=dict(reasons)) if reasons:
            return "; ".join(f"{host}: {reason}" for host, reason in reasons.items())
        case NoHostAvailable(errors=[*hosts]):
            return f"no node of the data centre is in reach (known: {', '.join(hosts)})"
        case UnresolvableContactPoints():
            return "no address was found for the name"
        case _:
            return str(error).rstrip(".")
