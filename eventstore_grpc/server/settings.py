"""Where a server listens, and who may call it."""

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import grpc

STORE_PORT = 8081
"""The original's: its programs look for the store here, for Envoy at 8080, for the sink at 8082."""
SINK_PORT = 8082
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings of a server.

    :raises OSError: for files that cannot be read, or some of them only.
    """

    host: str = LOOPBACK
    port: int = STORE_PORT
    certificate: Path | None = None
    """Chain of certificates in PEM; with ``key`` it makes the server speak TLS."""
    key: Path | None = None
    client_authorities: Path | None = None
    """Certificates of those who vouch for clients: with it, none is served without its own."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise OSError("Expected a certificate and its key for TLS, found one of them only.")
        if self.client_authorities and not self.certificate:
            raise OSError(
                "Expected a certificate and a key with the authorities for clients, found none: "
                "certificates of clients come with TLS."
            )

    @property
    def target(self) -> str:
        """Where it listens, as gRPC has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether others than this machine's own programs can call it without a certificate."""
        try:
            is_loopback = ip_address(self.host).is_loopback
        except ValueError:
            is_loopback = self.host == "localhost"
        return not is_loopback and self.client_authorities is None

    def credentials(self) -> grpc.ServerCredentials | None:
        """Return what it needs for TLS, or None."""
        if self.certificate is None or self.key is None:
            return None
        authorities = self.client_authorities
        credentials = grpc.ssl_server_credentials(
            [(_read(self.key), _read(self.certificate))],
            root_certificates=_read(authorities) if authorities else None,
            require_client_auth=authorities is not None,
        )
        _check(self.certificate, self.key, authorities)
        return credentials


def _check(certificate: Path, key: Path, authorities: Path | None) -> None:
    """Refuse what gRPC would refuse without saying why, or only when a client comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as e:
        raise OSError(
            f"Expected a certificate in {certificate} and its key, without a password, in {key}, "
            f"both in PEM, found others ({e.reason or e})."
        ) from e
    try:
        if authorities is not None:
            context.load_verify_locations(authorities)
    except ssl.SSLError as e:
        raise OSError(
            f"Expected certificates in PEM in {authorities}, found none ({e.reason or e})."
        ) from e


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise OSError(f"Expected a PEM file at {path}, found none ({e.strerror}).") from e
