"""What can go wrong around a local server."""

import click


class LocalCassandraError(click.ClickException):
    """A local Apache Cassandra cannot be run; the message says why and what to do.

    A command that does not handle it shows the message alone and exits with code 1.
    """
