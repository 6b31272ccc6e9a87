"""What is generated is what its source makes today."""

import subprocess
import sys
from pathlib import Path

import pytest

from eventstore_grpc.protocol import storegrpc_pb2
from eventstore_grpc.protocol.methods import SERVICE
from tests.docs.blocks import ROOT

SOURCE = Path("eventstore_grpc/protocol/storegrpc.proto")


@pytest.mark.parametrize("made", ["storegrpc_pb2.py", "storegrpc_pb2.pyi"])
def test_the_messages_are_made_of_their_source(tmp_path: Path, made: str) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}", *outputs, str(SOURCE)]
    subprocess.run(command, cwd=ROOT, check=True)

    committed = (ROOT / SOURCE).with_name(made).read_text(encoding="utf-8")
    assert (tmp_path / SOURCE).with_name(made).read_text(encoding="utf-8") == committed


def test_the_service_is_called_as_the_original_is() -> None:
    assert SERVICE == "storegrpc.EventStoreService"
    service = storegrpc_pb2.DESCRIPTOR.services_by_name["EventStoreService"]
    assert [method.name for method in service.methods][:3] == ["FindByID", "FindByType", "Update"]
