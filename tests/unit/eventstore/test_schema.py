"""The schema file and the three topologies of a keyspace."""

from importlib.resources import files

import pytest

from eventstore_cassandra import Topology
from eventstore_cassandra.schema import statements


def test_a_single_node_keeps_one_copy() -> None:
    assert Topology.single_node().replication() == {
        "class": "SimpleStrategy",
        "replication_factor": "1",
    }


def test_a_single_data_centre_keeps_three_copies() -> None:
    assert Topology.single_datacenter().replication() == {
        "class": "SimpleStrategy",
        "replication_factor": "3",
    }


def test_several_data_centres_keep_copies_in_each() -> None:
    assert Topology.several_datacenters({"DC1": 3, "DC2": 2}).replication() == {
        "class": "NetworkTopologyStrategy",
        "DC1": "3",
        "DC2": "2",
    }


def test_several_data_centres_must_be_named() -> None:
    with pytest.raises(ValueError, match="found none"):
        Topology.several_datacenters({})


def test_every_statement_of_the_schema_can_be_run_again() -> None:
    text = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    found = statements(text)
    assert found
    assert all("IF NOT EXISTS {keyspace}." in statement for statement in found)
