"""The methods of the service, as servers offer them and clients call them."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from eventstore_grpc.protocol import storegrpc_pb2 as pb

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

SERVICE = pb.DESCRIPTOR.services_by_name["EventStoreService"].full_name

ERRORS, AS_STATUS = "storegrpc-errors", "status"
"""Metadata of a call whose client wants errors as status codes. The original's clients expect them
in the response, as ``success`` and ``error``, and get them there."""


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One method; its response is a stream of such messages if ``is_stream``."""

    name: str
    request: type[RequestT]
    response: type[ResponseT]
    is_stream: bool = False

    @property
    def path(self) -> str:
        """What it is called on the wire."""
        return f"/{SERVICE}/{self.name}"


FIND_BY_ID = Method("FindByID", pb.FindByIDRequest, pb.FindResponse)
FIND_BY_TYPE = Method("FindByType", pb.FindByTypeRequest, pb.FindResponse)
UPDATE = Method("Update", pb.UpdateRequest, pb.UpdateResponse)
READ_STREAM = Method("ReadStream", pb.FindByIDRequest, pb.FindResponse, is_stream=True)
SUBSCRIBE = Method("Subscribe", pb.SubscribeRequest, pb.LogPage, is_stream=True)
READ_LOG = Method("ReadLog", pb.ReadLogRequest, pb.LogPage)
FIND_LOG_END = Method("FindLogEnd", pb.FindLogEndRequest, pb.FindLogEndResponse)
FIND_VERSIONS = Method("FindVersions", pb.FindVersionsRequest, pb.FindVersionsResponse)
