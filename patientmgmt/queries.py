"""What pages and programs may ask the read models."""

from collections.abc import Callable
from dataclasses import dataclass

from patientmgmt.currency import Currencies
from projections.database import Database
from projections.generations import LiveTables
from projections.stamps import stamp
from read_models import demographics, find_all, patient_list, stays, ward_board, ward_history
from read_models.demographics import Demographics
from read_models.patient_list import PatientList
from read_models.stays import Stays
from read_models.ward_board import WardBoard
from read_models.ward_history import WardHistory


@dataclass(frozen=True)
class Queries:
    """The query side; may be shared between threads."""

    board: WardBoard
    board_stamp: Callable[[], str]
    """What stays the same for as long as the board does; may raise as the board may."""
    patients: PatientList
    history: WardHistory
    stays: Stays
    demographics: Demographics
    currency: Currencies


def queries_of(database: Database) -> Queries:
    """Return the queries of the read models in a database."""
    board = LiveTables(database, ward_board.MODEL)
    return Queries(
        board=WardBoard(board.tables),
        board_stamp=lambda: stamp(database.records, board.generation()),
        patients=PatientList(LiveTables(database, patient_list.MODEL).tables),
        history=WardHistory(LiveTables(database, ward_history.MODEL).tables),
        stays=Stays(LiveTables(database, stays.MODEL).tables),
        demographics=Demographics(LiveTables(database, demographics.MODEL).tables),
        currency=Currencies(database, find_all().values()),
    )
