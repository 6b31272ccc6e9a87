"""The forms, sent as a browser without JavaScript sends them."""

import pytest

from tests.web.conftest import Form, System


def test_an_admission_leads_to_the_board_with_the_patient_on_it(system: System) -> None:
    answer = system.send_form("/admit", name="Ada Lovelace", age="36", ward="AA")
    system.catch_up()

    assert answer.status_code == 303
    board = system.client.get(answer.headers["Location"]).text
    assert "Ada Lovelace was admitted to ward AA." in board
    assert "just changed" in board
    assert "catching up" not in board


def test_a_wrong_value_is_shown_at_its_field_and_what_was_written_is_kept(system: System) -> None:
    answer = system.send_form("/admit", name="Ada", age="151", ward="")

    assert answer.status_code == 422
    form = Form.on(answer)
    assert (form.values["name"], form.values["age"]) == ("Ada", "151")
    assert "Expected a whole number from 0 to 150, found &#34;151&#34;." in answer.text
    assert "Expected text of 1 to 50 characters, found nothing." in answer.text
    assert 'aria-describedby="age-error"' in answer.text
    assert system.recorded() == 0


def test_the_fields_know_the_bounds_of_the_domain(system: System) -> None:
    page = system.client.get("/admit").text
    assert 'maxlength="200"' in page
    assert 'maxlength="50"' in page
    assert 'max="150"' in page


def test_forms_suggest_the_wards_that_have_patients(system: System) -> None:
    system.admitted(ward="Cardiology & more")
    system.catch_up()
    assert '<option value="Cardiology &amp; more">' in system.client.get("/admit").text


def test_a_name_is_shown_as_text_and_never_as_markup(system: System) -> None:
    patient_id = system.admitted(name="<script>alert(1)</script>")
    system.catch_up()
    for page in ("/", "/patients", f"/patients/{patient_id}", f"/patients/{patient_id}/transfer"):
        assert "<script>alert" not in system.client.get(page).text


def test_transfer_discharge_and_readmission_lead_back_to_the_patients_page(system: System) -> None:
    patient_id = system.admitted("Ada")
    page = f"/patients/{patient_id}"
    for action, fields, told in [
        ("transfer", {"ward": "  BB "}, "Ada was transferred to ward BB."),
        ("discharge", {}, "Ada was discharged."),
        ("admit", {"ward": "CC "}, "Ada was admitted again, to ward CC."),
    ]:
        answer = system.send_form(f"{page}/{action}", **fields)
        assert answer.status_code == 303
        assert told in system.client.get(answer.headers["Location"]).text
    assert system.version(patient_id) == 4


def test_a_form_opened_from_the_board_leads_back_to_the_board(system: System) -> None:
    patient_id = system.admitted()
    answer = system.send_form(f"/patients/{patient_id}/transfer?came_from=board", ward="BB")
    assert answer.headers["Location"] == f"/?patient={patient_id}&version=2"


def test_a_form_cannot_be_made_to_lead_anywhere_else(system: System) -> None:
    patient_id = system.admitted()
    page = f"/patients/{patient_id}/transfer?came_from=https://example.org"
    answer = system.send_form(page, ward="BB")
    assert answer.headers["Location"].startswith(f"/patients/{patient_id}")


def test_a_stale_form_is_told_what_happened_since_and_offered_again(system: System) -> None:
    patient_id = system.admitted("Ada", "AA")
    address = f"/patients/{patient_id}/transfer"
    stale = Form.on(system.client.get(address)).values
    system.send_form(address, ward="BB")
    before = system.recorded()

    answer = system.client.post(address, data=stale | {"ward": "CC"})

    assert answer.status_code == 409
    assert "Nothing was recorded." in answer.text
    assert "Transferred from ward AA to ward BB" in answer.text
    assert "Admitted to ward AA" not in answer.text
    offered = Form.on(answer)
    assert (offered.values["expected_version"], offered.values["ward"]) == ("2", "CC")
    assert system.recorded() == before

    assert system.client.post(offered.action or "", data=offered.values).status_code == 303
    assert system.version(patient_id) == 3


def test_a_stale_form_that_is_not_possible_any_longer_offers_what_is(system: System) -> None:
    patient_id = system.admitted("Ada", "AA")
    address = f"/patients/{patient_id}/transfer"
    stale = Form.on(system.client.get(address)).values
    system.send_form(f"/patients/{patient_id}/discharge")

    answer = system.client.post(address, data=stale | {"ward": "CC"})

    assert answer.status_code == 409
    assert "Discharged from ward AA" in answer.text
    assert f'href="/patients/{patient_id}/admit"' in answer.text
    assert Form.on(answer).action is None


def test_a_version_that_the_patient_never_had_is_refused(system: System) -> None:
    patient_id = system.admitted()
    answer = system.send_form(f"/patients/{patient_id}/discharge", expected_version="9")
    assert answer.status_code == 409
    assert "expected version 9, found version 1" in answer.text


@pytest.mark.parametrize("version", ["0", "x", "99999999999"])
def test_a_tampered_version_is_refused_in_words(system: System, version: str) -> None:
    patient_id = system.admitted()
    answer = system.send_form(f"/patients/{patient_id}/discharge", expected_version=version)
    assert answer.status_code == 422
    assert "Expected version: expected a whole number from 1" in answer.text
    assert system.recorded() == 1


@pytest.mark.parametrize("action", ["transfer", "discharge", "admit"])
def test_a_form_that_lost_the_version_it_was_made_from_is_refused(
    system: System, action: str
) -> None:
    patient_id = system.admitted("Ada", "AA")
    if action == "admit":
        system.send_form(f"/patients/{patient_id}/discharge")
    before = system.recorded()

    answer = system.send_form(f"/patients/{patient_id}/{action}", ward="BB", expected_version="")

    assert answer.status_code == 400
    assert "The form is incomplete" in answer.text
    assert system.recorded() == before


def test_a_broken_rule_is_explained_and_the_form_offered_again(system: System) -> None:
    patient_id = system.admitted("Ada", "AA")
    answer = system.send_form(f"/patients/{patient_id}/transfer", ward="AA")
    assert answer.status_code == 409
    assert "Ada is already on ward AA. Choose another ward." in answer.text
    assert Form.on(answer).values["ward"] == "AA"
    assert system.recorded() == 1


@pytest.mark.parametrize("token", ["", "forged"])
def test_a_form_without_a_valid_token_is_refused_with_a_page(system: System, token: str) -> None:
    answer = system.send_form("/admit", name="Ada", age="36", ward="AA", csrf_token=token)
    assert answer.status_code == 400
    assert "The form has expired" in answer.text
    assert system.recorded() == 0


@pytest.mark.parametrize("path", ["", "/transfer", "/discharge", "/admit"])
def test_pages_of_an_unknown_patient_and_of_a_malformed_id_say_which(
    system: System, path: str
) -> None:
    unknown = system.client.get(f"/patients/123e4567-e89b-12d3-a456-426614174000{path}")
    malformed = system.client.get(f"/patients/42{path}")
    assert (unknown.status_code, malformed.status_code) == (404, 404)
    assert "No such patient" in unknown.text
    assert "This is not a patient&#39;s id" in malformed.text
