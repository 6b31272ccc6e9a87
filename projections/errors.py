"""What may go wrong with read models, in words for whoever runs them."""

import struct


class ReadModelsUnavailableError(Exception):
    """The read models' database cannot be reached or used; the reason is the message."""


class TablesMissingError(ReadModelsUnavailableError):
    """Tables are not there, or not as expected: they were never made, or have been replaced."""


class ChangeRefusedError(ReadModelsUnavailableError):
    """What was to be written is nothing that the database can have, now or later."""


UNFIT_VALUES = (ValueError, TypeError, OverflowError, AttributeError, struct.error)
"""What drivers raise for values that are none of their columns: they are not asked to check."""
