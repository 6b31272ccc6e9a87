"""What every back end of the read models promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.read_models import PatientRow, ReadModelStore, RowChange
from tests.store.projections.rows import Shown, all_patients, everywhere, rows_of, shown

NOWHERE = Shown(None, [], [])


def step_by_step(store: ReadModelStore, rows: Sequence[PatientRow]) -> None:
    for before, after in zip([None, *rows], rows, strict=False):
        store.replace(before, after)


def test_nothing_is_shown_at_the_beginning(read_models: ReadModelStore) -> None:
    assert read_models.wards() == []
    assert read_models.patients().patients == []
    assert read_models.patient(uuid4()) is None
    assert read_models.rows([uuid4()]) == {}
    assert read_models.checkpoint() is None


def test_an_admitted_patient_stands_in_the_list_and_on_the_ward(
    read_models: ReadModelStore,
) -> None:
    patient_id = uuid4()
    [row] = rows_of(patient_id, ["AA"])
    read_models.replace(None, row)
    assert shown(read_models, patient_id) == everywhere(row)


def test_a_row_without_times_is_kept_as_it_is(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    row = replace(rows_of(patient_id, ["AA"])[0], admitted_at=None, updated_at=None)
    read_models.replace(None, row)
    assert shown(read_models, patient_id) == everywhere(row)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC),
        datetime(2300, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC),
        datetime(2300, 6, 1, 12, 0, 0, 999_000, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ],
    ids=str,
)
def test_times_are_kept_to_the_millisecond(read_models: ReadModelStore, moment: datetime) -> None:
    patient_id = uuid4()
    row = replace(rows_of(patient_id, ["AA"])[0], admitted_at=moment, updated_at=moment)
    read_models.replace(None, row)
    assert shown(read_models, patient_id) == everywhere(row)


def test_random_times_are_kept_to_the_millisecond(read_models: ReadModelStore) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random, first = Random(seed), datetime(1, 1, 1, tzinfo=UTC)
    span = datetime(9999, 12, 31, tzinfo=UTC) - first
    changes = []
    for _ in range(500):
        milliseconds = random.randrange(span // timedelta(milliseconds=1))
        moment = first + timedelta(milliseconds=milliseconds)
        row = replace(rows_of(uuid4(), ["AA"])[0], admitted_at=moment, updated_at=moment)
        changes.append(RowChange([row]))
    read_models.replace_all(changes)
    rows = read_models.rows([change.after.patient_id for change in changes])
    assert rows == {change.after.patient_id: change.after for change in changes}


@pytest.mark.parametrize("limit", [2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**70])
def test_a_page_may_be_as_large_as_one_likes(read_models: ReadModelStore, limit: int) -> None:
    rows = [rows_of(uuid4(), ["AA"])[0] for _ in range(3)]
    read_models.replace_all([RowChange([row]) for row in rows])
    ids = sorted((row.patient_id for row in rows), key=str)
    first = read_models.patients(limit=1)
    rest = read_models.patients(limit=limit, after=first.next)
    assert len(first.patients) == 1
    assert len(rest.patients) == 2
    found = [row.patient_id for row in (*first.patients, *rest.patients)]
    assert sorted(found, key=str) == ids
    assert len(read_models.patients(limit=limit).patients) == 3


@pytest.mark.parametrize(
    "wards",
    [
        pytest.param(["AA", "BB"], id="transfer"),
        pytest.param(["AA", None], id="discharge"),
        pytest.param(["AA", "BB", "AA"], id="back to an earlier ward"),
        pytest.param(["AA", None, "AA"], id="readmission to the same ward"),
        pytest.param(["AA", None, "BB"], id="readmission to another ward"),
        pytest.param(["AA", "BB", "AA", "BB", "AA", None], id="to and fro"),
    ],
)
def test_only_the_last_row_is_shown(read_models: ReadModelStore, wards: list[str | None]) -> None:
    at_once, one_by_one = uuid4(), uuid4()
    read_models.replace_all([RowChange(rows_of(at_once, wards))])
    assert shown(read_models, at_once) == everywhere(rows_of(at_once, wards)[-1])
    step_by_step(read_models, rows_of(one_by_one, wards))
    assert shown(read_models, one_by_one) == everywhere(rows_of(one_by_one, wards)[-1])


def test_a_patient_under_a_new_name_stands_in_the_list_once(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", None, "AA"], names=["Ida Moe", "Ida Moe", "Ida Lund"])
    step_by_step(read_models, rows)
    assert shown(read_models, patient_id) == everywhere(rows[-1])


def test_doing_it_again_changes_nothing(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB", None, "CC"])
    for _ in range(2):
        step_by_step(read_models, rows)
        read_models.replace_all([RowChange(rows)])
        read_models.replace_all([RowChange(rows)])
    assert shown(read_models, patient_id) == everywhere(rows[-1])


def test_a_worker_that_is_behind_changes_nothing(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB", "CC", None])
    step_by_step(read_models, rows)
    read_models.replace(rows[0], rows[1])
    read_models.replace_all([RowChange(rows[1:3])])
    assert shown(read_models, patient_id) == everywhere(rows[-1])


@pytest.mark.parametrize("last_ward", ["AA", "CC", None])
def test_a_worker_that_is_behind_may_write_versions_that_the_other_passed_at_once(
    read_models: ReadModelStore, last_ward: str | None
) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB", last_ward], names=["Ida Moe", "Ida Lund", "Ida Moe"])
    read_models.replace(None, rows[0])
    read_models.replace_all([RowChange(rows)])
    read_models.replace(rows[0], rows[1])
    assert shown(read_models, patient_id) == everywhere(rows[-1])


def test_a_row_that_does_not_follow_the_one_before_is_refused(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB", "CC"])
    read_models.replace(None, rows[0])
    with pytest.raises(ValueError, match="every version of one patient in order"):
        read_models.replace(rows[0], rows[2])
    assert shown(read_models, patient_id) == everywhere(rows[0])


def test_a_long_history_with_long_names_is_shown(read_models: ReadModelStore) -> None:
    patient_id = uuid4()
    wards = [f"{n:03}" + "\N{HOSPITAL}" * 397 for n in range(40)]
    names = [f"{n:03}" + "\N{ADULT}" * 397 for n in range(40)]
    rows = rows_of(patient_id, wards, names=names)
    read_models.replace_all([RowChange(rows)])
    assert shown(read_models, patient_id) == everywhere(rows[-1])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(data=st.data())
def test_two_workers_whose_writes_arrive_in_any_order_end_in_the_same_rows(
    read_models: ReadModelStore, data: st.DataObject
) -> None:
    """Each worker goes through the history in steps of its own; one may stop on the way."""
    wards = data.draw(st.lists(st.sampled_from(["AA", "BB", None]), min_size=3, max_size=12))
    names = data.draw(st.lists(st.sampled_from(["Ida", "Bo"]), min_size=1, max_size=3))
    patient_id = uuid4()
    rows = rows_of(patient_id, wards, names=names)
    ends = st.integers(1, len(rows))
    steady = steps(rows, data.draw(st.sets(ends, max_size=2)) | {len(rows)})
    crashed = steps(rows, data.draw(st.sets(ends, min_size=1)))
    for change in data.draw(st.permutations(steady + crashed)):
        read_models.replace_all([change])
    assert shown(read_models, patient_id) == everywhere(rows[-1])


def steps(rows: Sequence[PatientRow], ends: set[int]) -> list[RowChange]:
    """Cut a history into changes that end at the given versions."""
    starts = [0, *sorted(ends)]
    return [RowChange(rows[max(0, start - 1) : end]) for start, end in pairwise(starts)]


def erase(store: ReadModelStore, rows: Sequence[PatientRow]) -> None:
    store.erase(
        rows[0].patient_id,
        names={row.name for row in rows},
        wards={row.ward for row in rows if row.ward},
    )


def test_an_erased_patient_is_shown_nowhere_and_others_are(read_models: ReadModelStore) -> None:
    patient_id, other = uuid4(), uuid4()
    rows = rows_of(patient_id, ["AA", "BB"], names=["Ida Moe", "Ida Lund"])
    step_by_step(read_models, rows)
    [same_name] = rows_of(other, ["BB"], names=["Ida Lund"])
    read_models.replace(None, same_name)
    for _ in range(2):
        erase(read_models, rows)
        assert shown(read_models, patient_id) == NOWHERE
        assert shown(read_models, other) == everywhere(same_name)
        assert read_models.patients(limit=1).patients == [same_name]
    assert read_models.rows([patient_id])[patient_id].is_erased


def test_erasing_again_without_knowing_any_place_changes_nothing(
    read_models: ReadModelStore,
) -> None:
    rows = rows_of(uuid4(), ["AA"])
    step_by_step(read_models, rows)
    erase(read_models, rows)
    read_models.erase(rows[0].patient_id, names=set(), wards=set())
    read_models.replace(None, rows[0])
    assert shown(read_models, rows[0].patient_id) == NOWHERE


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(data=st.data())
def test_whatever_workers_write_before_or_after_an_erased_patient_stays_away(
    read_models: ReadModelStore, data: st.DataObject
) -> None:
    wards = data.draw(st.lists(st.sampled_from(["AA", "BB", None]), min_size=1, max_size=8))
    names = data.draw(st.lists(st.sampled_from(["Ida", "Bo"]), min_size=1, max_size=3))
    rows = rows_of(uuid4(), wards, names=names)
    ends = data.draw(st.sets(st.integers(1, len(rows)))) | {len(rows)}
    for change in data.draw(st.permutations([*steps(rows, ends), None])):
        if change is None:
            erase(read_models, rows)
        else:
            read_models.replace_all([change])
    assert shown(read_models, rows[0].patient_id) == NOWHERE


def test_many_patients_are_changed_in_one_call(read_models: ReadModelStore) -> None:
    ids = [uuid4() for _ in range(60)]
    changes = [RowChange(rows_of(id_, ["AA", "BB"][: 1 + n % 2])) for n, id_ in enumerate(ids)]
    read_models.replace_all(changes)
    assert read_models.rows([*ids, uuid4()]) == {
        change.after.patient_id: change.after for change in changes
    }
    assert [(ward.name, ward.occupancy) for ward in read_models.wards()] == [("AA", 30), ("BB", 30)]


def test_nothing_to_change_is_no_error(read_models: ReadModelStore) -> None:
    read_models.replace_all([])
    assert read_models.wards() == []


def test_the_board_shows_wards_and_their_patients_by_name(read_models: ReadModelStore) -> None:
    for name, ward in [("chiara", "bb"), ("Ada", "AA"), ("Bo", "bb"), ("ida", "CC")]:
        read_models.replace(None, rows_of(uuid4(), [ward], names=[name])[0])
    assert [(ward.name, [row.name for row in ward.patients]) for ward in read_models.wards()] == [
        ("AA", ["Ada"]),
        ("bb", ["Bo", "chiara"]),
        ("CC", ["ida"]),
    ]


def test_the_list_is_sorted_by_name_without_regard_to_capitals(read_models: ReadModelStore) -> None:
    for name in ["chiara", "Ada", "Émile", "bo", "ADAM"]:
        read_models.replace(None, rows_of(uuid4(), [None], names=[name])[0])
    listed = [row.name for row in read_models.patients().patients]
    assert listed == ["Ada", "ADAM", "bo", "chiara", "Émile"]


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 100])
def test_pages_show_every_patient_once_and_in_order(
    read_models: ReadModelStore, limit: int
) -> None:
    names = ["Ada", "ada", "Bo", "Bo", "Bo", "Chiara"]
    for name in names:
        read_models.replace(None, rows_of(uuid4(), ["AA"], names=[name])[0])
    listed = all_patients(read_models, limit=limit)
    assert len({row.patient_id for row in listed}) == len(listed) == len(names)
    keys = [row.name.lower() for row in listed]
    assert keys == sorted(keys)


@pytest.mark.parametrize("after", ["", "x", str(UUID(int=7)), "1' OR '1'='1"])
def test_a_page_that_no_page_named_is_refused(read_models: ReadModelStore, after: str) -> None:
    read_models.replace(None, rows_of(uuid4(), ["AA"])[0])
    with pytest.raises(ValueError, match="expected a value that the page before gave"):
        read_models.patients(after=after)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_without_rows_is_refused(read_models: ReadModelStore, limit: int) -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        read_models.patients(limit=limit)


def test_the_last_checkpoint_saved_is_kept(read_models: ReadModelStore) -> None:
    read_models.save_checkpoint("1")
    read_models.save_checkpoint('{"PatientAdmitted": [2, 1, "x"]}')
    assert read_models.checkpoint() == '{"PatientAdmitted": [2, 1, "x"]}'
