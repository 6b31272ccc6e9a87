"""The store server: a shell around the recorder, which is one store with all other programs.

``store.py`` answers requests, as plain functions of the recorder; ``handlers.py`` calls them for
gRPC, in threads, and tells their errors; ``tail.py`` reads the end of the notification log once for
all who follow it; ``serving.py`` starts a server and ends it.
"""

from eventstore_grpc.server.serving import serve
from eventstore_grpc.server.settings import ServerSettings

__all__ = ["ServerSettings", "serve"]
