from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindByIDRequest(_message.Message):
    __slots__ = ("id", "gt", "lte", "desc", "limit")
    ID_FIELD_NUMBER: _ClassVar[int]
    GT_FIELD_NUMBER: _ClassVar[int]
    LTE_FIELD_NUMBER: _ClassVar[int]
    DESC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    id: str
    gt: int
    lte: int
    desc: bool
    limit: int
    def __init__(self, id: _Optional[str] = ..., gt: _Optional[int] = ..., lte: _Optional[int] = ..., desc: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class FindByTypeRequest(_message.Message):
    __slots__ = ("type", "since", "batchSize", "after", "topic")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    BATCHSIZE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    type: int
    since: int
    batchSize: int
    after: Place
    topic: str
    def __init__(self, type: _Optional[int] = ..., since: _Optional[int] = ..., batchSize: _Optional[int] = ..., after: _Optional[_Union[Place, _Mapping]] = ..., topic: _Optional[str] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("savetime", "version", "id")
    SAVETIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    savetime: int
    version: int
    id: str
    def __init__(self, savetime: _Optional[int] = ..., version: _Optional[int] = ..., id: _Optional[str] = ...) -> None: ...

class FindResponse(_message.Message):
    __slots__ = ("success", "error", "latest", "events", "more")
    class Event(_message.Message):
        __slots__ = ("id", "type", "payload", "savetime", "version", "topic", "state", "position")
        ID_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        PAYLOAD_FIELD_NUMBER: _ClassVar[int]
        SAVETIME_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        TOPIC_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        POSITION_FIELD_NUMBER: _ClassVar[int]
        id: str
        type: int
        payload: str
        savetime: int
        version: int
        topic: str
        state: bytes
        position: int
        def __init__(self, id: _Optional[str] = ..., type: _Optional[int] = ..., payload: _Optional[str] = ..., savetime: _Optional[int] = ..., version: _Optional[int] = ..., topic: _Optional[str] = ..., state: _Optional[bytes] = ..., position: _Optional[int] = ...) -> None: ...
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error: str
    latest: int
    events: _containers.RepeatedCompositeFieldContainer[FindResponse.Event]
    more: bool
    def __init__(self, success: _Optional[bool] = ..., error: _Optional[str] = ..., latest: _Optional[int] = ..., events: _Optional[_Iterable[_Union[FindResponse.Event, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class UpdateRequest(_message.Message):
    __slots__ = ("id", "version", "events", "name", "from_0")
    class Event(_message.Message):
        __slots__ = ("type", "payload", "topic", "state")
        TYPE_FIELD_NUMBER: _ClassVar[int]
        PAYLOAD_FIELD_NUMBER: _ClassVar[int]
        TOPIC_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        type: int
        payload: str
        topic: str
        state: bytes
        def __init__(self, type: _Optional[int] = ..., payload: _Optional[str] = ..., topic: _Optional[str] = ..., state: _Optional[bytes] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_0_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    events: _containers.RepeatedCompositeFieldContainer[UpdateRequest.Event]
    name: str
    from_0: bool
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ..., events: _Optional[_Iterable[_Union[UpdateRequest.Event, _Mapping]]] = ..., name: _Optional[str] = ..., from_0: _Optional[bool] = ...) -> None: ...

class UpdateResponse(_message.Message):
    __slots__ = ("success", "error", "version", "positions")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error: str
    version: int
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, success: _Optional[bool] = ..., error: _Optional[str] = ..., version: _Optional[int] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("after", "topics")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    after: int
    topics: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, after: _Optional[int] = ..., topics: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ("start", "limit", "stop", "topics", "after_start")
    START_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    AFTER_START_FIELD_NUMBER: _ClassVar[int]
    start: int
    limit: int
    stop: int
    topics: _containers.RepeatedScalarFieldContainer[str]
    after_start: bool
    def __init__(self, start: _Optional[int] = ..., limit: _Optional[int] = ..., stop: _Optional[int] = ..., topics: _Optional[_Iterable[str]] = ..., after_start: _Optional[bool] = ...) -> None: ...

class LogPage(_message.Message):
    __slots__ = ("events", "more", "up_to", "end")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[FindResponse.Event]
    more: bool
    up_to: int
    end: int
    def __init__(self, events: _Optional[_Iterable[_Union[FindResponse.Event, _Mapping]]] = ..., more: _Optional[bool] = ..., up_to: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class FindLogEndRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FindLogEndResponse(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class FindVersionsRequest(_message.Message):
    __slots__ = ("gt", "limit")
    GT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    gt: int
    limit: int
    def __init__(self, gt: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class FindVersionsResponse(_message.Message):
    __slots__ = ("versions", "more")
    class Version(_message.Message):
        __slots__ = ("token", "id", "version")
        TOKEN_FIELD_NUMBER: _ClassVar[int]
        ID_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        token: int
        id: str
        version: int
        def __init__(self, token: _Optional[int] = ..., id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[FindVersionsResponse.Version]
    more: bool
    def __init__(self, versions: _Optional[_Iterable[_Union[FindVersionsResponse.Version, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...
