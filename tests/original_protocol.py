"""The original's messages alone, as a program has them that was built before anything was added."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PROTO = """
syntax = "proto3";
package storegrpc;
service EventStoreService {
  rpc FindByID(FindByIDRequest) returns (FindResponse);
  rpc FindByType(FindByTypeRequest) returns (FindResponse);
  rpc Update(UpdateRequest) returns (UpdateResponse);
}
message FindByIDRequest { string id = 1; }
message FindByTypeRequest { int32 type = 1; int64 since = 2; int32 batchSize = 3; }
message UpdateRequest {
  string id = 1; int32 version = 2; repeated Event events = 3;
  message Event { int32 type = 1; string payload = 2; }
}
message FindResponse {
  bool success = 1; string error = 2; int64 latest = 3; repeated Event events = 4;
  message Event { string id = 1; int32 type = 2; string payload = 3; int64 savetime = 4; }
}
message UpdateResponse { bool success = 1; string error = 2; }
"""


@cache
def original(name: str) -> Any:
    """Return the class of a message of the original."""
    return GetMessageClass(_pool().FindMessageTypeByName(f"storegrpc.{name}"))


@cache
def _pool() -> DescriptorPool:
    """Return the messages in a pool of their own, beside those of the same names."""
    with TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "original.proto", Path(folder) / "original.binpb"
        source.write_text(PROTO)
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"]
        subprocess.run([*protoc, f"--descriptor_set_out={compiled}", str(source)], check=True)
        files = FileDescriptorSet.FromString(compiled.read_bytes())
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool
