"""What the HTTP server itself refuses, and the key that it signs with."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from patientmgmt.web.server import MAX_HEADER_BYTES, MAX_REQUEST_BYTES, secret_key
from tests.web.conftest import System, served

PATIENCE = 30.0
"""Seconds for an answer; it takes a millisecond."""


def answer_to(url: str, request: bytes) -> str:
    """Send the bytes, and return the status line once the server has closed the connection."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as sender:
        sender.sendall(request)
        return sender.makefile(encoding="latin-1").readline().strip()


def test_a_huge_body_is_refused_before_any_of_it_is_read(system: System) -> None:
    head = (
        b"POST /api/patients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % (MAX_REQUEST_BYTES + 1)
    )
    with served(system.app) as url:
        assert answer_to(url, head) == "HTTP/1.1 413 Request Entity Too Large"


def test_a_body_that_does_not_tell_its_length_is_read_no_further_than_the_limit(
    system: System,
) -> None:
    head = b"POST /admit HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n" % (MAX_REQUEST_BYTES + 1) + b"x" * (MAX_REQUEST_BYTES + 1)
    with served(system.app) as url:
        assert answer_to(url, head + chunk) == "HTTP/1.1 413 Request Entity Too Large"


def test_headers_without_end_are_refused(system: System) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * MAX_HEADER_BYTES
    with served(system.app) as url:
        assert answer_to(url, head) == "HTTP/1.0 431 Request Header Fields Too Large"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is not there yet, for a process to which no key was given."""
    monkeypatch.delenv("PATIENTMGMT_SECRET_KEY", raising=False)
    return tmp_path / "data"


def test_a_key_is_made_once_and_kept_for_its_owner_only(data: Path) -> None:
    key = secret_key(data)
    assert len(key) >= 32
    assert secret_key(data) == key
    [file] = data.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_given_is_used_and_nothing_is_written(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATIENTMGMT_SECRET_KEY", "given")
    assert secret_key(data) == "given"
    assert not data.exists()


def test_processes_that_start_at_once_agree_on_one_key(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(data), range(32)))
    assert len(keys) == 1
    assert len(list(data.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"0123", b"\xff" * 64])
def test_a_damaged_key_is_told_with_what_to_do(data: Path, content: bytes) -> None:
    data.mkdir()
    (data / "secret-key").write_bytes(content)
    with pytest.raises(OSError, match=rf"{data / 'secret-key'}: expected .* Delete the file"):
        secret_key(data)
    (data / "secret-key").unlink()
    assert secret_key(data)


def test_a_data_folder_that_cannot_be_used_is_told_by_its_setting(data: Path) -> None:
    data.write_text("a file where the folder should be")
    with pytest.raises(OSError, match=rf"PATIENTMGMT_DATA: expected .*, found {data} \("):
        secret_key(data)


def test_a_key_that_cannot_be_read_is_told_by_its_setting(data: Path) -> None:
    (data / "secret-key").mkdir(parents=True)
    with pytest.raises(OSError, match=rf"PATIENTMGMT_DATA: expected .*, found {data} \("):
        secret_key(data)
