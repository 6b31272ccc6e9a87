"""Following events through gRPC, so that whoever reads what is printed has all of them.

What is promised
================
Each event of the types that are followed is printed, and those of one aggregate in the order of
their versions. It is printed once, except after a crash: then those that were being printed, at
most 500, are printed again, since they are first printed and then noted in the cursor. A line of
them may be cut; the last one of an event is whole. Events of several aggregates come by the time at
which they were saved, as far as they are in one page.

How it is kept
==============
A poller that asks for what was saved after the last millisecond it has seen loses events: one that
becomes visible late, the rest of a millisecond in which its page ended, one that was saved at the
beginning of the epoch. And it shows a transfer before its admission. So:

- Places in the type view are whole keys, and the last ten seconds are read again and again
  (:mod:`projections.feeds.type_view`).
- What is seen twice is dropped, and what is seen too early is completed from the aggregate's own
  stream, by versions (:mod:`projections.sequencer`). So an event that becomes visible later than
  ten seconds is printed as well, though only when a later one of its aggregate is seen. One that
  is the last of its aggregate is not found: that takes a look at all aggregates, which workers of
  read models take every hour, and this does not.
- The cursor (:mod:`.cursor`) has the place in the type view and the version that was printed last
  of *every* aggregate. The window is read again after a restart, too, and only versions tell what
  of it was printed. Versions of the window's aggregates alone would not do: an event of any other
  one would seem to be the first that is printed, with all events before it missing. A row is some
  50 bytes, so that a million aggregates are as many as fit into 50 MB.

Aggregates have UUIDs here, and versions from 1.
"""
