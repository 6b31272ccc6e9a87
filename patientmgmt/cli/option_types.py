"""What an option may be, where it is more than a number or a text."""

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """Seconds above 0, or from 0 on, a day at the most.

    :class:`click.FloatRange` lets NaN pass, which is neither below nor above its bounds.
    """

    def __init__(self, *, or_none: bool = False) -> None:
        super().__init__(0, 86_400, min_open=not or_none)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"expected a number of seconds, found {value}.", param, ctx)
        return found


def to_address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Return an address of the form HOST:PORT.

    :raises click.BadParameter: for one that is not.
    """
    host, _, port = value.rpartition(":")
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 2**16
    if not (host and host.isprintable() and is_port):
        raise click.BadParameter(f"expected HOST:PORT, found {ascii(value)[1:-1]}.")
    return value
