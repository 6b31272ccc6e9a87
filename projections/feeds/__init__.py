"""Where workers learn of events: the protocol of a feed, and the feeds there are."""
