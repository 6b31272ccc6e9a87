"""Creating the keyspace and its tables: a command for operators, never for workers or web servers.

Run it from one process at a time and before anything else: Cassandra agrees on schema changes
eventually, and two at once may leave nodes in disagreement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from eventstore_cassandra.datastore import SCHEMA, CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.schema_version import (
    checked_schema,
    refuse_other_version,
    write_version,
)
from eventstore_cassandra.settings import DEFAULT_ID_TYPE


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

    def replication(self) -> str:
        """Return the CQL map for ``CREATE KEYSPACE``."""
        if not self.replicas:
            return f"{{'class': 'SimpleStrategy', 'replication_factor': {self.factor}}}"
        centres = "".join(
            f", '{name.replace(chr(39), chr(39) * 2)}': {n}" for name, n in self.replicas.items()
        )
        return f"{{'class': 'NetworkTopologyStrategy'{centres}}}"


def create_keyspace(datastore: CassandraDatastore, topology: Topology) -> None:
    """Create the keyspace of the settings; one that exists keeps the replication it has."""
    _run(
        datastore,
        ["CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = " + topology.replication()],
    )


def create_tables(datastore: CassandraDatastore) -> None:
    """Create the tables and the type view that are not there yet.

    :raises ProgrammingError: for tables of another version, which are left as they are, or of
        another size of buckets or type of ids than is set.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    refuse_other_version(datastore)
    run_script(datastore, files(__package__).joinpath("schema.cql").read_text(encoding="utf-8"))
    write_version(datastore)
    checked_schema(datastore)


def run_script(datastore: CassandraDatastore, cql: str) -> None:
    """Run the statements of a CQL text; ``{keyspace}`` and ``{id_type}`` are filled in."""
    _run(datastore, statements(cql))


def statements(cql: str) -> list[str]:
    """Return the statements of a CQL text, without its comments."""
    lines = [line.split("--")[0] for line in cql.splitlines()]
    return [text.strip() for text in "\n".join(lines).split(";") if text.strip()]


def _run(datastore: CassandraDatastore, texts: Iterable[str]) -> None:
    id_type = datastore.settings.originator_id_type or DEFAULT_ID_TYPE
    for text in texts:
        cql = text.replace("{keyspace}", datastore.settings.keyspace).replace("{id_type}", id_type)
        with library_errors("Cannot create the tables"):
            datastore.execute(cql, SCHEMA)
