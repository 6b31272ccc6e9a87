"""Which name a node's certificate is checked against, and where contact points lead to."""

import socket
from typing import Any
from uuid import uuid4

import pytest
from cassandra import UnresolvableContactPoints
from cassandra.cluster import Cluster
from cassandra.connection import EndPoint

from eventstore_cassandra import Settings
from eventstore_cassandra.contact_names import ContactNames

Addresses = dict[str, list[str]]


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """What each name leads to; addresses lead to themselves."""
    known: Addresses = {}

    def getaddrinfo(name: str, port: int, *_args: Any, **_kwargs: Any) -> list[Any]:
        found = known.get(name, [name] if name[0].isdigit() else [])
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def contact_names(*points: str, tls: bool = True) -> ContactNames:
    names = ContactNames(Settings(contact_points=points, tls=tls))
    names.configure(Cluster(names.resolve()))
    return names


def discovered(names: ContactNames, address: str) -> EndPoint:
    return names.create({"native_address": address, "native_port": 9042, "host_id": uuid4()})


def checked(end_point: EndPoint) -> str | None:
    options = end_point.ssl_options
    return options["server_hostname"] if options else None


def test_every_address_of_a_contact_point_is_checked_against_its_name(addresses: Addresses) -> None:
    addresses["cassandra.test"] = ["10.0.0.1", "10.0.0.2"]
    found = contact_names("cassandra.test", "10.0.0.3").resolve()
    assert {each.address: checked(each) for each in found} == {
        "10.0.0.1": "cassandra.test",
        "10.0.0.2": "cassandra.test",
        "10.0.0.3": "10.0.0.3",
    }


def test_a_node_that_others_told_of_is_checked_against_the_name_that_leads_to_it(
    addresses: Addresses,
) -> None:
    addresses["cassandra.test"] = ["10.0.0.1", "10.0.0.2"]
    names = contact_names("cassandra.test")
    assert checked(discovered(names, "10.0.0.2")) == "cassandra.test"
    assert discovered(names, "10.0.0.2") in names.resolve()


def test_a_node_that_no_contact_point_leads_to_is_checked_against_its_address(
    addresses: Addresses,
) -> None:
    addresses["cassandra.test"] = ["10.0.0.1"]
    assert checked(discovered(contact_names("cassandra.test"), "10.0.0.9")) == "10.0.0.9"


def test_a_node_that_has_come_to_stand_behind_a_name_is_checked_against_it(
    addresses: Addresses,
) -> None:
    addresses["cassandra.test"] = ["10.0.0.1"]
    names = contact_names("cassandra.test")
    node = discovered(names, "10.0.0.9")
    addresses["cassandra.test"] = ["10.0.0.1", "10.0.0.9"]
    assert checked(node) == "cassandra.test"
    addresses.clear()
    assert checked(node) == "cassandra.test", "a name server that is away does not change it"


def test_without_tls_there_is_nothing_to_check(addresses: Addresses) -> None:
    addresses["cassandra.test"] = ["10.0.0.1"]
    names = contact_names("cassandra.test", tls=False)
    assert [checked(each) for each in names.resolve()] == [None]
    assert checked(discovered(names, "10.0.0.2")) is None


def test_a_name_that_leads_nowhere_is_left_out_unless_all_do(addresses: Addresses) -> None:
    addresses["cassandra.test"] = ["10.0.0.1"]
    (found,) = contact_names("typo.test", "cassandra.test").resolve()
    assert found.address == "10.0.0.1"
    with pytest.raises(UnresolvableContactPoints):
        contact_names("typo.test")
