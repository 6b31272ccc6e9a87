"""An admission that is sent again: with the same id, the patient is admitted once."""

from uuid import UUID, uuid1, uuid3, uuid4, uuid5

import pytest

from tests.web.conftest import Form, System

ADA = {"name": "Ada", "age": 36, "ward": "AA"}
VERSION_7 = UUID("0198c0de-0000-7000-8000-000000000001")


@pytest.mark.parametrize("new_id", [str(uuid4()), str(VERSION_7), str(uuid4()).upper()])
def test_an_admission_is_made_under_the_id_that_its_sender_gives(
    system: System, new_id: str
) -> None:
    answer = system.client.post("/api/patients", json={**ADA, "id": new_id})
    assert answer.status_code == 201
    assert answer.get_json() == {"id": new_id.lower(), "version": 1}
    assert answer.headers["Location"] == f"/api/patients/{new_id.lower()}"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "42",
        7,
        [],
        "0" * 32,
        uuid4().hex,
        f"{{{uuid4()}}}",
        f"urn:uuid:{uuid4()}",
        str(UUID(int=0)),
        str(UUID(int=2**128 - 1)),
        str(uuid1()),
        str(uuid3(uuid4(), "Ada")),
        str(uuid5(uuid4(), "Ada")),
        "123e4567-e89b-62d3-a456-426614174000",
        "123e4567-e89b-82d3-a456-426614174000",
        "123e4567-e89b-42d3-0456-426614174000",
    ],
)
def test_an_id_that_is_not_random_is_refused(system: System, wrong: object) -> None:
    answer = system.client.post("/api/patients", json={**ADA, "id": wrong})
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert error["field"] == "id"
    assert error["reason"].startswith("expected a UUID of version 4 or 7 such as ")
    assert system.recorded() == 0


def test_no_id_is_as_good_as_none_given(system: System) -> None:
    ids = {
        system.client.post("/api/patients", json=body).get_json()["id"]
        for body in (ADA, ADA, {**ADA, "id": None})
    }
    assert len(ids) == 3


def test_the_same_admission_again_is_answered_as_the_first_was(system: System) -> None:
    admission = {**ADA, "id": str(uuid4())}
    first = system.client.post("/api/patients", json=admission)
    again = system.client.post("/api/patients", json={**admission, "name": "  Ada "})
    assert (again.status_code, again.get_json()) == (first.status_code, first.get_json())
    assert again.headers["Location"] == first.headers["Location"]
    assert system.recorded() == 1


def test_it_is_answered_so_whatever_has_happened_to_the_patient_since(system: System) -> None:
    new_id = str(uuid4())
    admission = {**ADA, "id": new_id}
    first = system.client.post("/api/patients", json=admission)
    address = first.headers["Location"]
    system.client.post(f"{address}/transfer", json={"ward": "BB"})
    system.client.post(f"{address}/discharge", json={})
    again = system.client.post("/api/patients", json=admission)
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert system.version(new_id) == 3


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"name": "Bo"}, "another name."),
        ({"age": 37}, "another age."),
        ({"ward": "BB"}, "another ward."),
        ({"name": "Bo", "age": 7, "ward": "BB"}, "another name and age and ward."),
    ],
)
def test_another_admission_under_the_id_is_refused_with_what_is_different(
    system: System, other: dict[str, object], told: str
) -> None:
    admission = {**ADA, "id": str(uuid4())}
    system.client.post("/api/patients", json=admission)
    answer = system.client.post("/api/patients", json={**admission, **other})
    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/patient-id-taken")
    assert told in problem["detail"]
    assert problem["id"] == admission["id"]
    assert system.recorded() == 1


def test_the_id_of_a_patient_who_came_otherwise_is_taken(system: System) -> None:
    taken = system.admitted("Bo")
    answer = system.client.post("/api/patients", json={**ADA, "id": taken})
    assert answer.status_code == 409
    assert system.recorded() == 1


def test_a_form_that_is_sent_twice_admits_one_patient(system: System) -> None:
    values = Form.on(system.client.get("/admit")).values | {"name": "Ada", "age": "36"}
    answers = [system.client.post("/admit", data=values | {"ward": "AA"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert system.recorded() == 1


def test_two_forms_admit_two_patients_of_one_name(system: System) -> None:
    for _ in range(2):
        system.send_form("/admit", name="Ada", age="36", ward="AA")
    assert system.recorded() == 2


def test_a_form_keeps_its_id_while_its_values_are_wrong(system: System) -> None:
    values = Form.on(system.client.get("/admit")).values
    shown = Form.on(system.client.post("/admit", data=values | {"name": "Ada", "age": "x"}))
    assert UUID(shown.values["id"]) == UUID(values["id"])


def test_a_form_that_has_admitted_somebody_else_says_whom_and_becomes_a_new_one(
    system: System,
) -> None:
    sent = Form.on(system.client.get("/admit")).values | {"name": "Ada", "age": "36", "ward": "AA"}
    system.client.post("/admit", data=sent)

    answer = system.client.post("/admit", data=sent | {"name": "Bo"})

    assert answer.status_code == 409
    assert "Nothing was recorded." in answer.text
    assert f'href="/patients/{sent["id"]}"' in answer.text
    form = Form.on(answer)
    assert (form.values["name"], form.values["age"], form.values["ward"]) == ("Bo", "36", "AA")
    assert form.values["id"] != sent["id"]
    assert system.recorded() == 1
    assert system.client.post("/admit", data=form.values).status_code == 303
    assert system.recorded() == 2


def test_a_form_that_lost_its_id_is_refused(system: System) -> None:
    answer = system.send_form("/admit", name="Ada", age="36", ward="AA", id="")
    assert answer.status_code == 400
    assert "The form is incomplete" in answer.text
    assert system.recorded() == 0


def test_a_tampered_id_is_refused_in_words(system: System) -> None:
    answer = system.send_form("/admit", name="Ada", age="36", ward="AA", id=str(UUID(int=0)))
    assert answer.status_code == 422
    assert "Id: expected a UUID of version 4 or 7" in answer.text
    assert system.recorded() == 0
