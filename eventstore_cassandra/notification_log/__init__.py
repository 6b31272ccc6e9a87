"""The notification log: one order of all events, which a reader can follow and miss nothing.

Theory of operation
===================
The library's readers go from position to position and never look back. So the log must promise
*monotone visibility*: once a reader has been past a position, no event may newly appear at it or
before it. Cassandra has no such order to give, and clocks are none: a batch may be decided long
after the time that it carries. Positions may stay empty, though, if they do so for good. Hence:

    The log is a write-ahead intent. The aggregate's own conditional batch decides whether the
    intent becomes an event. Anyone may finish what a crashed writer began.

1. *Reserve* (``reservations.py``). The append is written into the log as an intent, at positions
   after its head, by one conditional batch that moves the head: ``IF head = H``. Appends that wait
   in one process are reserved together (``group_commit.py``), in one row, each under its own
   ``append_id``. A process that meets others announces its group of appends, and whoever reserves
   next takes along all that wait (``combine_steps.py``): nobody is passed over for ever.
2. *Decide* (``recorders.py``). The append of ``append.py``, under the same ``append_id``. Applied:
   the intents are events. Refused: somebody else has those versions, and the positions stay empty.
3. *Read* (``reader.py``, ``decisions.py``). An intent is *committed* if the row of its first event
   in the aggregate's partition carries its ``append_id``; it is *pending* while the aggregate is at
   the version that it expects, and has not barred it; it is *aborted* otherwise. A reader stops at
   a pending intent, gives its writer a little time (the grace), and then decides it itself, by the
   very step 2. The outcome is then final, whoever came first. The grace saves work; no clock is
   compared.
4. *Mark*. A process that knows the outcomes of a row's appends writes them into it, along with its
   next reservation or announcement in that partition, which costs no further round trip. In a row
   of several processes, each marks its own. What is marked needs no look into the aggregates:
   reading the past is reading partitions in order. What stays unmarked (the last appends before a
   process went idle or died) is looked up when it is passed.

What must hold, and why
-----------------------
* *What the log accepts, the aggregate must be able to accept.* An intent whose batch is refused at
  every try, by a limit or a mistake, would stop every reader for ever. So an append is checked
  before it is reserved, against the larger of the two requests (``append_checks.py``). If its batch
  is refused all the same, whoever tried bars it (``append.py``), which takes the place of the
  decision: it is aborted then, and no clock has a part in it.
* *Expected versions come from committed state.* A writer reserves a position for version 5 only
  when it knows that version 4 is committed; so versions rise along the log. ``known_versions.py``
  remembers what was read and written; anything else is looked up. That look also finds plain
  conflicts before they cost a position: empty positions come from true races only.
* *Only a serial read may say "aborted".* A batch that was decided may have reached one replica of
  three, and a quorum of the two others does not show it, while the static column can already be
  newer there. "Committed" is believed at quorum; "aborted" is read again at serial consistency.
* *Each append has its own name.* By (id, version) two rivals would both take the one event for
  theirs.
* *An append is in one row*, which is read as a whole or not at all, so that a reader that decides
  decides all of it.
* *A row lies wholly in the bucket of its first position.* The log is cut into partitions (buckets)
  of a fixed number of positions; a row at the edge runs over, and the next bucket begins after it.
  No row has more positions than a bucket, so that it reaches into the next one at most. A bucket is
  closed once its head is at or beyond its edge; nobody appends to it again, so that its head is
  final.
* *What is announced is no part of the log.* It stands in static columns of a bucket, maybe of one
  that has no rows yet. A bucket without a head has not begun, whatever else stands there.
* *Positions have no holes.* A bucket's rows are read at quorum, and a reservation is proposed only
  when the one before it is on a quorum. A row is keyed by its last position and knows how many it
  has, so that a hole shows; one that is read all the same is read again at serial consistency
  before it is reported.
* *The log has not ended where a bucket is closed.* A reservation whose writer died may be decided,
  and be on one replica only, while a read has spread the new head to all. The next reservation in
  the bucket spreads it; but after the last one there is none, and a quorum might show nothing
  there for good. So where no row is found in a closed bucket, it is read again at serial
  consistency.
* *What an erased aggregate has in the log is blanked, and keeps its positions* (``blanking.py``). A
  row is written once, and then only its contents are exchanged, on condition that they are those
  that were read: marks are in columns of their own, and neither eraser undoes another's work. The
  outcomes stay what they were, since the rows of the aggregate keep the names of their appends.
  What is announced of it is deleted, and vanishes by itself where that comes too early.
"""
