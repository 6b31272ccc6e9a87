"""Creating the keyspace and its tables: a command for operators, never for workers or web servers.

Run it from one process at a time and before anything else: Cassandra agrees on schema changes
eventually, and two at once may leave nodes in disagreement.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from cassandra.encoder import cql_quote

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.profiles import SCHEMA
from eventstore_cassandra.schema_version import (
    checked_schema,
    refuse_other_version,
    write_version,
)
from eventstore_cassandra.settings import DEFAULT_ID_TYPE

logger = logging.getLogger(__name__)

_REPLICATION = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?"


@dataclass(frozen=True)
class Topology:
    """How many copies of each partition are kept, and where.

    ``replicas`` names data centres; empty means one data centre without a name.
    """

    factor: int = 1
    replicas: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def single_node(cls) -> "Topology":
        """One node: one copy. For trying things out; a lost disk is lost data."""
        return cls()

    @classmethod
    def single_datacenter(cls) -> "Topology":
        """Several nodes in one data centre: three copies, of which one may be away."""
        return cls(factor=3)

    @classmethod
    def several_datacenters(cls, replicas: Mapping[str, int]) -> "Topology":
        """Several data centres: so many copies in each, by the names that the snitch gives them."""
        if not replicas:
            raise ValueError("Expected data centres with their number of replicas, found none.")
        return cls(replicas=dict(replicas))

    def replication(self) -> dict[str, str]:
        """Return the replication as a keyspace has it: its class, and the numbers of copies."""
        if not self.replicas:
            return {"class": "SimpleStrategy", "replication_factor": str(self.factor)}
        numbers = {name: str(number) for name, number in self.replicas.items()}
        return {"class": "NetworkTopologyStrategy"} | numbers


def create_keyspace(datastore: CassandraDatastore, topology: Topology) -> None:
    """Create the keyspace of the settings; one that exists keeps the replication it has.

    A warning is logged where that is not what is asked for; one copy there always is.

    :raises ProgrammingError: when the cluster refuses the replication.
    :raises OperationalError: when the cluster cannot be reached.
    """
    wanted = topology.replication()
    cql = f"CREATE KEYSPACE IF NOT EXISTS {{keyspace}} WITH replication = {_cql_map(wanted)}"
    _run(datastore, [cql], doing="Cannot create the keyspace")
    found = _replication(datastore)
    if found != wanted and topology != Topology.single_node():
        logger.warning(
            "Expected the keyspace %s with the replication %s, found %s, and left it: existing "
            "data has so many copies. To have others, use ALTER KEYSPACE and run a full repair.",
            datastore.settings.keyspace,
            _cql_map(wanted),
            _cql_map(found),
        )


def create_tables(datastore: CassandraDatastore) -> None:
    """Create the tables and the type view that are not there yet.

    :raises ProgrammingError: for tables of another version, which are left as they are, or of
        another size of buckets or type of ids than is set.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    refuse_other_version(datastore)
    run_script(datastore, files(__package__).joinpath("schema.cql").read_text(encoding="utf-8"))
    refuse_other_version(datastore)  # somebody else may have created some of them meanwhile
    write_version(datastore)
    checked_schema(datastore)


def run_script(datastore: CassandraDatastore, cql: str) -> None:
    """Run the statements of a CQL text; ``{keyspace}`` and ``{id_type}`` are filled in."""
    _run(datastore, statements(cql), doing="Cannot create the tables")


def statements(cql: str) -> list[str]:
    """Return the statements of a CQL text, without its comments."""
    lines = [line.split("--")[0] for line in cql.splitlines()]
    return [text.strip() for text in "\n".join(lines).split(";") if text.strip()]


def _cql_map(options: Mapping[str, str]) -> str:
    pairs = (f"{cql_quote(key)}: {cql_quote(value)}" for key, value in options.items())
    return f"{{{', '.join(pairs)}}}"


def _replication(datastore: CassandraDatastore) -> dict[str, str]:
    with library_errors("Cannot read the replication of the keyspace"):
        statement = datastore.prepare(_REPLICATION)
        row = datastore.execute(statement.bind([datastore.settings.keyspace])).one()
    return {key: value.rpartition(".")[2] for key, value in row[0].items()}


def _run(datastore: CassandraDatastore, texts: Iterable[str], *, doing: str) -> None:
    id_type = datastore.settings.originator_id_type or DEFAULT_ID_TYPE
    for text in texts:
        cql = datastore.in_keyspace(text).replace("{id_type}", id_type)
        with library_errors(doing):
            datastore.execute(cql, SCHEMA)
