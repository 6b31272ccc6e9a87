"""Serving the web application over HTTP, with waitress."""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

import click
from flask import Flask
from waitress.server import create_server

THREADS = 8
"""Requests at a time. Each may wait for the store; one event loop accepts them all."""
MAX_REQUEST_BYTES = 1024 * 1024
"""A body of this size is not read at all. The application refuses much smaller ones, with a page or
a problem that says why; this is for what is not even worth reading to its end."""
MAX_HEADER_BYTES = 32 * 1024
"""Request line and headers: several times what browsers send with all their cookies."""
IDLE_SECONDS = 60
"""Until a connection on which nothing moves is closed; an open board asks every few seconds."""

LIMITS: Mapping[str, int] = {
    "threads": THREADS,
    "max_request_body_size": MAX_REQUEST_BYTES,
    "max_request_header_size": MAX_HEADER_BYTES,
    "channel_timeout": IDLE_SECONDS,
}
"""What the server takes upon itself, as waitress names it."""

SHORTEST_KEY = 32
"""Characters; a file that holds less was cut off, and would be guessed."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; port 0 takes a free one.

    :raises click.ClickException: when the address cannot be listened on.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as e:
        raise click.ClickException(
            f"Cannot listen on {host} port {port}: {e.strerror}. Set HOST and PORT (or --host and "
            "--port) to an address of this machine and a free port."
        ) from e


def serve(app: Flask, listener: socket.socket, *, ready: Callable[[str], None]) -> None:
    """Serve until KeyboardInterrupt; ``ready`` is given the address first."""
    server = create_server(app, sockets=[listener], **LIMITS)
    host, port = listener.getsockname()[:2]
    ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    try:
        server.run()
    finally:
        server.close()


def secret_key(data: Path) -> str:
    """Return what sessions and forms are signed with.

    ``PATIENTMGMT_SECRET_KEY`` if set, else a key that is made once and kept in the data folder,
    readable by its owner only, so that forms that are open survive a restart.

    :raises OSError: when the folder cannot be used, or the file in it holds no key.
    """
    given = os.environ.get("PATIENTMGMT_SECRET_KEY")
    if given:
        return given
    file = data / "secret-key"
    try:
        data.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _make_key(file)
        key = file.read_bytes().strip()
    except OSError as e:
        raise OSError(
            "PATIENTMGMT_DATA: expected a folder whose file secret-key this user may write and "
            f"read, found {data} ({e.strerror}). Set it to such a folder, or set "
            "PATIENTMGMT_SECRET_KEY."
        ) from e
    if len(key) < SHORTEST_KEY or not key.isascii():
        raise OSError(
            f"{file}: expected a key of at least {SHORTEST_KEY} ASCII characters, found "
            f"{len(key)} bytes. Delete the file: a new key is made at the next start, and forms "
            "that are open now have to be opened again."
        )
    return key.decode("ascii")


def _make_key(file: Path) -> None:
    """Put a new key at the file's place, whole or not at all; of several at once the first wins."""
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-") as new:
        new.write(secrets.token_hex().encode("ascii"))
        new.flush()
        os.fsync(new.fileno())
        try:
            os.link(new.name, file)
        except FileExistsError:
            return
