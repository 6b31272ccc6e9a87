"""Which integers the registry gives to topics."""

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.event_types import Registry

HOSPITAL = Registry(revision=1, types={"PatientAdmitted": 1, "hospital:Audited": 1000})


def test_a_topic_that_is_there_adds_nothing() -> None:
    assert HOSPITAL.additions({"PatientAdmitted": 1, "hospital:Audited": None}) == {}


def test_a_new_topic_gets_the_next_integer_from_1000_up() -> None:
    assert HOSPITAL.additions({"hospital:Moved": None}) == {"hospital:Moved": 1001}
    assert Registry(None, {}).additions({"a": None, "b": None}) == {"a": 1000, "b": 1001}


def test_an_application_chooses_integers_that_are_free() -> None:
    assert HOSPITAL.additions({"PatientTransferred": 2}) == {"PatientTransferred": 2}


def test_an_integer_cannot_stand_for_two_topics() -> None:
    with pytest.raises(ProgrammingError, match="found it taken by 'PatientAdmitted'"):
        HOSPITAL.additions({"PatientTransferred": 1})


def test_a_topic_keeps_its_integer() -> None:
    with pytest.raises(ProgrammingError, match="to have the integer 2, found 1"):
        HOSPITAL.additions({"PatientAdmitted": 2})
