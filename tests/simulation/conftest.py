"""What tests in simulated worlds share: the event store's own log is left out."""

import logging

import pytest


@pytest.fixture(autouse=True)
def without_log(caplog: pytest.LogCaptureFixture) -> None:
    """Leave out what thousands of lost requests would write."""
    caplog.set_level(logging.CRITICAL, "eventstore_cassandra")
