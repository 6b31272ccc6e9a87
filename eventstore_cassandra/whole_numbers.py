"""Numbers that callers give: what is none is told before a driver stumbles on it."""

from eventsourcing.persistence import ProgrammingError


def check_whole(what: str, *numbers: object, outcome: str = "Nothing was written.") -> None:
    """Let pass whole numbers.

    :param what: what they are, as in "Expected versions as whole numbers".
    :param outcome: what is so now, as the last sentence of the error.
    :raises ProgrammingError: for anything else.
    """
    for number in numbers:
        if not isinstance(number, int):
            raise ProgrammingError(
                f"Expected {what} as a whole number, found {number!a:.40}, of type "
                f"{type(number).__name__}. {outcome}".rstrip()
            )


def check_bounds(**numbers: object) -> None:
    """Let pass the bounds of a read, by their names: whole numbers, or None where there is none.

    :raises ProgrammingError: for anything else.
    """
    for name, number in numbers.items():
        if number is not None:
            check_whole(name, number, outcome="")
