"""Settings are checked before anything connects, and errors name the variable."""

import pytest
from eventsourcing.utils import Environment

from eventstore_cassandra import Settings


def read(**env: str) -> Settings:
    return Settings.from_env(Environment("Hospital", env))


def test_defaults_reach_a_node_on_this_machine() -> None:
    settings = read()
    assert settings.contact_points == ("127.0.0.1",)
    assert settings.port == 9042
    assert settings.keyspace == "eventstore"
    assert settings.append_consistency == "LOCAL_QUORUM"
    assert settings.serial_consistency == "LOCAL_SERIAL"
    assert not settings.create_table


def test_contact_points_are_separated_by_commas() -> None:
    assert read(CASSANDRA_CONTACT_POINTS="10.0.0.1, 10.0.0.2").contact_points == (
        "10.0.0.1",
        "10.0.0.2",
    )


def test_a_variable_may_be_prefixed_with_the_applications_name() -> None:
    assert read(HOSPITAL_CASSANDRA_KEYSPACE="wards").keyspace == "wards"


def test_capitals_in_a_keyspace_are_folded_as_cassandra_does() -> None:
    assert read(CASSANDRA_KEYSPACE="Wards").keyspace == "wards"


def test_consistency_names_are_taken_in_any_case() -> None:
    assert read(CASSANDRA_APPEND_CONSISTENCY="quorum").append_consistency == "QUORUM"


def test_the_password_is_not_shown() -> None:
    settings = read(CASSANDRA_USERNAME="ward", CASSANDRA_PASSWORD="open-sesame")
    assert settings.password == "open-sesame"
    assert "open-sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CASSANDRA_CONTACT_POINTS", "10.0.0.1,", "expected addresses separated by commas"),
        ("CASSANDRA_PORT", "cql", "expected a whole number from 1 to 65535, found 'cql'"),
        ("CASSANDRA_PORT", "70000", "expected a whole number from 1 to 65535, found '70000'"),
        ("CASSANDRA_KEYSPACE", "a; DROP", "expected a letter, then letters"),
        ("CASSANDRA_APPEND_CONSISTENCY", "MOST", "expected one of LOCAL_QUORUM, QUORUM"),
        ("CASSANDRA_READ_CONSISTENCY", "SERIAL", "expected one of LOCAL_QUORUM, QUORUM"),
        ("CASSANDRA_SERIAL_CONSISTENCY", "QUORUM", "expected one of LOCAL_SERIAL, SERIAL"),
        ("CASSANDRA_PORT", "9" * 5000, "expected a whole number from 1 to 65535, found '999"),
        ("CASSANDRA_REQUEST_TIMEOUT", "9" * 5000, "up to 315360000, found '999"),
        ("CASSANDRA_REQUEST_TIMEOUT", "315360001", "up to 315360000, found '315360001'"),
        ("CASSANDRA_REQUEST_TIMEOUT", "0", "expected a number of seconds above 0, .* found '0'"),
        ("CASSANDRA_REQUEST_TIMEOUT", "soon", "expected a number of seconds above 0"),
        ("CASSANDRA_APPEND_ATTEMPTS", "0", "expected a whole number from 1"),
        ("CASSANDRA_TLS", "perhaps", "expected yes or no, found 'perhaps'"),
        ("CASSANDRA_TLS_CERT_FILE", "/c.pem", "expected CASSANDRA_TLS=yes"),
        ("ORIGINATOR_ID_TYPE", "int", "expected one of uuid, text, found 'int'"),
        ("CASSANDRA_USERNAME", "ward", "expected both or neither, found one"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(OSError, match=f"{variable}.*{sentence}"):
        read(**{variable: value})


def test_a_certificate_file_that_is_not_there_is_refused() -> None:
    settings = read(CASSANDRA_TLS="yes", CASSANDRA_TLS_CA_FILE="/nowhere.pem")
    with pytest.raises(OSError, match=r"CASSANDRA_TLS_CA_FILE.*expected readable PEM files"):
        settings.ssl_context()


def test_certificates_and_host_names_are_checked_unless_told_otherwise() -> None:
    checked = read(CASSANDRA_TLS="yes").ssl_context()
    unchecked = read(CASSANDRA_TLS="yes", CASSANDRA_TLS_CHECK_HOSTNAME="no").ssl_context()
    assert checked is not None
    assert checked.check_hostname
    assert unchecked is not None
    assert not unchecked.check_hostname
    assert read().ssl_context() is None
