"""Serving the web application over HTTP, with waitress."""

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask
from waitress.server import create_server

THREADS = 8
"""Requests at a time. Each may wait for the store; one event loop accepts them all."""


def serve(app: Flask, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until KeyboardInterrupt; ``ready`` is given the address when the socket listens.

    :raises click.ClickException: when the address cannot be listened on.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except OSError as e:
        raise click.ClickException(
            f"Cannot listen on {host} port {port}: {e.strerror}. Set HOST and PORT (or --host and "
            "--port) to an address of this machine and a free port."
        ) from e
    server = create_server(app, sockets=[listener], threads=THREADS)
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{listener.getsockname()[1]}")
    try:
        server.run()
    finally:
        server.close()


def secret_key(data: Path) -> str:
    """Return what sessions and forms are signed with.

    ``PATIENTMGMT_SECRET_KEY`` if set, else a key that is made once and kept in the data folder,
    readable by its owner only, so that forms that are open survive a restart.
    """
    given = os.environ.get("PATIENTMGMT_SECRET_KEY")
    if given:
        return given
    data.mkdir(parents=True, exist_ok=True)
    file = data / "secret-key"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as new:
        new.write(secrets.token_hex())
    return secret_key(data)
