"""What a store answers that has nothing, and to which whatever is appended is new."""

from eventstore_grpc.protocol import storegrpc_pb2 as pb


def update(request: pb.UpdateRequest) -> pb.UpdateResponse:
    """Return the success that the client would have at the version that it expects."""
    before = -1 if request.from_0 else request.version
    return pb.UpdateResponse(success=True, version=_int32(before + len(request.events)))


def find_by_id(_request: pb.FindByIDRequest) -> pb.FindResponse:
    """Return no events."""
    return pb.FindResponse(success=True)


def find_by_type(request: pb.FindByTypeRequest) -> pb.FindResponse:
    """Return no events; who goes on by ``latest``, stays where it is."""
    return pb.FindResponse(success=True, latest=request.since)


def read_log(_request: pb.ReadLogRequest) -> pb.LogPage:
    """Return a page without events."""
    return pb.LogPage()


def find_log_end(_request: pb.FindLogEndRequest) -> pb.FindLogEndResponse:
    """Return that there is no event."""
    return pb.FindLogEndResponse()


def find_versions(_request: pb.FindVersionsRequest) -> pb.FindVersionsResponse:
    """Return no aggregates."""
    return pb.FindVersionsResponse()


def _int32(version: int) -> int:
    return min(version, 2**31 - 1)
