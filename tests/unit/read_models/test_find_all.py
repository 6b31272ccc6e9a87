from projections.cassandra import CassandraDatabase
from read_models import find_all, patient_list, ward_board


def test_every_module_with_a_model_is_found_by_name() -> None:
    found = find_all()
    assert found["patient_list"] is patient_list.MODEL
    assert found["ward_board"] is ward_board.MODEL
    assert [model.name for model in found.values()] == sorted(found) == list(found)


def test_the_tables_of_all_read_models_are_told_by_their_names() -> None:
    names = CassandraDatabase.tables_of(find_all().values())
    for name in ("projection_records", "patient_list_1_letters", "ward_board_12_guards"):
        assert names.fullmatch(name)
    for name in ("events", "patient_list", "patient_list_x_letters", "notes_1_shelved"):
        assert not names.fullmatch(name)
