import socket

import pytest

from patientmgmt.local_cassandra import LocalCassandraError, free_ports
from patientmgmt.local_cassandra.ports import require_free


def test_a_free_port_is_accepted() -> None:
    [port] = free_ports(1)

    require_free("127.0.0.1", port, option="--port")


def test_a_taken_port_is_named_with_the_option_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(LocalCassandraError, match=rf"Port {port} .* taken .* --jmx-port"):
            require_free("127.0.0.1", port, option="--jmx-port")


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(
        LocalCassandraError, match=r"192\.0\.2\.1 is not an address of this machine"
    ):
        require_free("192.0.2.1", 9042, option="--port")


def test_free_ports_are_distinct() -> None:
    assert len(set(free_ports(20))) == 20
