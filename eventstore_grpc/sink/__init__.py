"""The sink: takes what is mirrored to it, and changes nothing.

It has the methods of the store, answers as a store that has nothing, and logs what it was asked:
which aggregates, types and sizes, never what is in the events.

``answers.py`` answers; ``seen.py`` says what is logged, and counts; ``handlers.py`` does both for
gRPC; ``serving.py`` starts a sink and ends it. Told to, it compares what it sees with the store:
``verdicts.py`` and ``comparison.py`` judge, ``reading.py`` and ``watching.py`` look at the store
for them, and know events by their ``fingerprints.py``.
"""

from eventstore_grpc.sink.serving import Compare, serve

__all__ = ["Compare", "serve"]
