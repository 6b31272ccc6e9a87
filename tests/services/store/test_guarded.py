"""Where the server listens, and to whom: TLS, certificates of clients, loopback."""

import subprocess
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_grpc import RemoteFactory
from patientmgmt.local_cassandra import free_ports
from tests.services.store.serving import Server, serving
from tests.system.test_commands import finished


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and certificates of a server and a client that it vouches for."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("authority", "stranger"):
        openssl(
            *["req", "-x509", *new_key, "-subj", f"/CN={name}", "-days", "2"],
            *["-keyout", f"{name}.key", "-out", f"{name}.pem"],
        )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for name in ("server", "client"):
        openssl(
            *["req", *new_key, "-subj", f"/CN={name}"],
            *["-keyout", f"{name}.key", "-out", f"{name}.csr"],
        )
        openssl(
            *["x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey"],
            *["authority.key", "-days", "2", "-extfile", "names", "-out", f"{name}.pem"],
        )
    openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:x", "-out", "secret.key")
    return folder


def reach(server: Server, **settings: str) -> None:
    """Append and read as the library does, with these settings of the client."""
    env = {f"STOREGRPC_{name.upper()}": value for name, value in settings.items()}
    factory = RemoteFactory({"STOREGRPC_ADDRESS": server.address, "STOREGRPC_TIMEOUT": "5"} | env)
    try:
        recorder, aggregate = factory.application_recorder(), uuid4()
        recorder.insert_events([StoredEvent(aggregate, 1, "Happened", b"{}")])
        assert len(recorder.select_events(aggregate)) == 1
    finally:
        factory.close()


def test_tls_with_and_without_certificates_of_clients(
    shared_cassandra_env: dict[str, str], certificates: Path
) -> None:
    def file(name: str) -> str:
        return str(certificates / name)

    tls = ["--certificate", file("server.pem"), "--key", file("server.key")]
    own = {"certificate": file("client.pem"), "key": file("client.key")}
    with serving(shared_cassandra_env, *tls) as server:
        reach(server, authorities=file("authority.pem"))
        code, output = finished(
            {"STOREGRPC_AUTHORITIES": file("authority.pem")},
            *("grpc-health", "--address", server.address),
        )
        assert (code, output) == (0, f"{server.address} SERVING\n")
        with pytest.raises(OSError, match="nothing is encrypted"):
            reach(server, **own)
        for wrong in ({}, {"authorities": file("stranger.pem")}):
            with pytest.raises(OperationalError):
                reach(server, **wrong)
    with serving(
        shared_cassandra_env, *tls, "--client-authorities", file("authority.pem")
    ) as server:
        reach(server, authorities=file("authority.pem"), **own)
        with pytest.raises(OperationalError):
            reach(server, authorities=file("authority.pem"))
        foreign = {"certificate": file("stranger.pem"), "key": file("stranger.key")}
        with pytest.raises(OperationalError):
            reach(server, authorities=file("authority.pem"), **foreign)


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (["--certificate", "nowhere.pem"], "one of them only"),
        (["--certificate", "nowhere.pem", "--key", "nowhere.key"], "Expected a PEM file at"),
        (["--client-authorities", "nowhere.pem"], "certificates of clients come with TLS"),
        (["--port", "70000"], "70000"),
        (["--host", "192.0.2.1"], "Cannot listen at 192.0.2.1:8081"),
    ],
)
def test_settings_that_cannot_be(
    shared_cassandra_env: dict[str, str], options: list[str], about: str
) -> None:
    code, output = finished(shared_cassandra_env, "grpc-store", *options)

    assert code in (1, 2)
    assert about in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("certificate", "key", "authorities", "about"),
    [
        ("server.pem", "client.key", "authority.pem", "Expected a certificate in"),
        ("server.key", "server.key", "authority.pem", "Expected a certificate in"),
        ("server.pem", "server.pem", "authority.pem", "Expected a certificate in"),
        ("names", "names", "authority.pem", "Expected a certificate in"),
        ("server.pem", "secret.key", "authority.pem", "without a password"),
        ("server.pem", "server.key", "names", "Expected certificates in PEM in"),
        ("server.pem", "server.key", "server.key", "Expected certificates in PEM in"),
    ],
)
def test_files_that_are_no_certificates(
    shared_cassandra_env: dict[str, str],
    certificates: Path,
    certificate: str,
    key: str,
    authorities: str,
    about: str,
) -> None:
    files = [str(certificates / name) for name in (certificate, key, authorities)]
    code, output = finished(
        shared_cassandra_env,
        *("grpc-store", "--port", "0", "--certificate", files[0], "--key", files[1]),
        *("--client-authorities", files[2]),
    )

    assert code == 1
    assert about in output
    assert "Traceback" not in output


def test_a_port_that_is_taken(server: Server, shared_cassandra_env: dict[str, str]) -> None:
    code, output = finished(shared_cassandra_env, "grpc-store", "--port", str(server.port))

    assert code == 1
    assert "Choose another with --host and --port" in output


def test_no_store_to_serve(tmp_path: Path, shared_cassandra_env: dict[str, str]) -> None:
    code, output = finished({"PATIENTMGMT_DATA": str(tmp_path)}, "grpc-store")
    assert code == 2
    assert "Expected PERSISTENCE_MODULE=eventstore_cassandra" in output

    elsewhere = shared_cassandra_env | {"CASSANDRA_KEYSPACE": f"none_{uuid4().hex[:8]}"}
    code, output = finished(elsewhere, "grpc-store")
    assert code == 1
    assert "patientmgmt init" in output

    [port] = free_ports(1)
    code, output = finished(shared_cassandra_env | {"CASSANDRA_PORT": str(port)}, "grpc-store")
    assert code == 1
    assert "Cannot connect to Cassandra" in output


def test_beyond_loopback_it_says_who_can_reach_it(shared_cassandra_env: dict[str, str]) -> None:
    with (
        serving(shared_cassandra_env, "--host", "0.0.0.0") as server,  # noqa: S104
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        grpc.channel_ready_future(channel).result(30)


def test_health_is_told(server: Server, shared_cassandra_env: dict[str, str]) -> None:
    code, output = finished({}, "grpc-health", "--address", server.address)
    assert (code, output) == (0, f"{server.address} SERVING\n")

    [port] = free_ports(1)
    code, output = finished({}, "grpc-health", "--address", f"127.0.0.1:{port}")
    assert code == 1
    assert f"127.0.0.1:{port} does not answer" in output
    assert "Traceback" not in output
