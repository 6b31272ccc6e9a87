"""How a client reaches the server.

* ``STOREGRPC_ADDRESS``: HOST:PORT, 127.0.0.1:8081 by default.
* ``STOREGRPC_TIMEOUT``: seconds for one call with all its tries, 30 by default.
* ``STOREGRPC_AUTHORITIES``: a PEM file with the certificates of those who vouch for servers; with
  it the connection is encrypted.
* ``STOREGRPC_CERTIFICATE``, ``STOREGRPC_KEY``: PEM files of the client's own certificate, where the
  server wants one.
* ``ORIGINATOR_ID_TYPE``: ``uuid`` or ``text``, what the keyspace was created for.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import ProgrammingError

from eventstore_grpc.messages import AggregateId

ADDRESS = "127.0.0.1:8081"
TIMEOUT = 30.0
_SHOWN = 80
"""Characters of an id."""


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Settings of a client."""

    address: str = ADDRESS
    timeout: float = TIMEOUT
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    has_uuids: bool = True
    """Whether aggregates have UUIDs; else texts."""

    def __post_init__(self) -> None:
        if self.authorities is None and (self.certificate or self.key):
            raise OSError(
                "Expected STOREGRPC_AUTHORITIES with the client's own certificate, found none: "
                "without those who vouch for the server nothing is encrypted."
            )
        if (self.certificate is None) != (self.key is None):
            raise OSError(
                "Expected STOREGRPC_CERTIFICATE and STOREGRPC_KEY, the client's own certificate "
                "and its key, found one of them only."
            )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "ClientSettings":
        """Return the settings of an environment.

        :raises OSError: when one of them is not of its form.
        """
        id_type = env.get("ORIGINATOR_ID_TYPE", "").lower() or "uuid"
        if id_type not in ("uuid", "text"):
            raise OSError(f"ORIGINATOR_ID_TYPE: expected uuid or text, found {id_type}.")
        return cls(
            address=env.get("STOREGRPC_ADDRESS") or ADDRESS,
            timeout=_seconds(env.get("STOREGRPC_TIMEOUT") or str(TIMEOUT)),
            authorities=_path(env, "STOREGRPC_AUTHORITIES"),
            certificate=_path(env, "STOREGRPC_CERTIFICATE"),
            key=_path(env, "STOREGRPC_KEY"),
            has_uuids=id_type == "uuid",
        )

    def id_of(self, text: str) -> AggregateId:
        """Return an aggregate's id as the library has it.

        :raises ProgrammingError: when it is no UUID, and was to be one.
        """
        if not self.has_uuids:
            return text
        try:
            return UUID(text)
        except ValueError as e:
            raise ProgrammingError(
                f"Expected the ids of aggregates to be UUIDs, found {text[:_SHOWN]!a}. Set "
                "ORIGINATOR_ID_TYPE to text, as it was when the keyspace was created."
            ) from e


def _path(env: Mapping[str, str], name: str) -> Path | None:
    found = env.get(name)
    if not found:
        return None
    if not Path(found).is_file():
        raise OSError(f"{name}: expected a PEM file, found none at {found}.")
    return Path(found)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise OSError(f"STOREGRPC_TIMEOUT: expected seconds above 0, found {text}.")
    return found
