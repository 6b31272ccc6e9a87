"""What pages and programs may ask the read models."""

from dataclasses import dataclass

from projections.database import Database
from projections.generations import LiveTables
from read_models import patient_list, ward_board
from read_models.patient_list import PatientList
from read_models.ward_board import WardBoard


@dataclass(frozen=True)
class Queries:
    """The query side; may be shared between threads."""

    board: WardBoard
    patients: PatientList


def queries_of(database: Database) -> Queries:
    """Return the queries of the read models in a database."""
    return Queries(
        board=WardBoard(LiveTables(database, ward_board.MODEL).tables),
        patients=PatientList(LiveTables(database, patient_list.MODEL).tables),
    )
