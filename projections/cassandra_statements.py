"""The CQL of the read models; what it is for stands in :mod:`projections.cassandra`."""

from collections.abc import Callable

from cassandra.query import PreparedStatement

_SELECT_PATIENT = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at
FROM {keyspace}.patients WHERE patient_id = ?
"""
_SELECT_FIRST_PAGE = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at
FROM {keyspace}.patient_list WHERE list = 'all' LIMIT ?
"""
_SELECT_NEXT_PAGE = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at
FROM {keyspace}.patient_list WHERE list = 'all' AND (name_key, patient_id) > (?, ?) LIMIT ?
"""
_SELECT_WARDS = "SELECT ward FROM {keyspace}.wards WHERE list = 'all'"
_SELECT_WARD = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at
FROM {keyspace}.ward_board WHERE ward = ?
"""
_SELECT_CHECKPOINT = "SELECT place FROM {keyspace}.projection_checkpoints WHERE projection = ?"
_INSERT_CHECKPOINT = (
    "INSERT INTO {keyspace}.projection_checkpoints (projection, place) VALUES (?, ?)"
)
_INSERT_PATIENT = """
INSERT INTO {keyspace}.patients (patient_id, version, name, age, ward, admitted_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?
"""
_INSERT_NAME = """
INSERT INTO {keyspace}.patient_list
(list, patient_id, version, name, age, ward, admitted_at, updated_at, name_key)
VALUES ('all', ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?
"""
_DELETE_NAME = """
DELETE FROM {keyspace}.patient_list USING TIMESTAMP ?
WHERE list = 'all' AND name_key = ? AND patient_id = ?
"""
_INSERT_ON_BOARD = """
INSERT INTO {keyspace}.ward_board (patient_id, version, name, age, ward, admitted_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?
"""
_DELETE_FROM_BOARD = """
DELETE FROM {keyspace}.ward_board USING TIMESTAMP ? WHERE ward = ? AND patient_id = ?
"""
_INSERT_WARD = "INSERT INTO {keyspace}.wards (list, ward) VALUES ('all', ?) USING TIMESTAMP ?"


class Statements:
    """All statements, prepared once; each may be repeated, and the driver is told so."""

    def __init__(self, prepare: Callable[[str], PreparedStatement], quoted_keyspace: str) -> None:
        def prepared(cql: str) -> PreparedStatement:
            statement = prepare(cql.replace("{keyspace}", quoted_keyspace))
            statement.is_idempotent = True
            return statement

        self.select_patient = prepared(_SELECT_PATIENT)
        self.select_first_page = prepared(_SELECT_FIRST_PAGE)
        self.select_next_page = prepared(_SELECT_NEXT_PAGE)
        self.select_wards = prepared(_SELECT_WARDS)
        self.select_ward = prepared(_SELECT_WARD)
        self.select_checkpoint = prepared(_SELECT_CHECKPOINT)
        self.insert_checkpoint = prepared(_INSERT_CHECKPOINT)
        self.insert_patient = prepared(_INSERT_PATIENT)
        self.insert_name = prepared(_INSERT_NAME)
        self.delete_name = prepared(_DELETE_NAME)
        self.insert_on_board = prepared(_INSERT_ON_BOARD)
        self.delete_from_board = prepared(_DELETE_FROM_BOARD)
        self.insert_ward = prepared(_INSERT_WARD)
