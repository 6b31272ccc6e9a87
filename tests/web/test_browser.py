"""Whole journeys in a real browser, on the whole system as it runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect, sync_playwright

from patientmgmt.domain.commands import AdmitPatient, DischargePatient, TransferPatient
from projections.generations import Generations
from read_models import ward_board
from tests.setup import find_chromium
from tests.web.conftest import RunningApp, losing_system

DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all journeys; each has a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Reader:
    """Somebody in front of a browser, and what the browser did behind their back."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def opens(self, path: str) -> None:
        """Go to the path."""
        self.page.goto(f"{self.url}{path}")

    def fills(self, label: str, text: str) -> None:
        """Write into the field with the label."""
        self.page.get_by_label(label).fill(text)

    def presses(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follows(self, name: str) -> None:
        """Follow a link."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def sees(self, text: str) -> None:
        """Wait until the text is on the page."""
        expect(self.page.get_by_text(text, exact=True).first).to_be_visible()

    def sees_on_ward(self, ward: str, *names: str) -> None:
        """Wait until the board has exactly these patients on the ward."""
        shown = self.page.get_by_role("region", name=ward).locator(".patient-words a")
        expect(shown).to_have_text(names)


@pytest.fixture
def reader(browser: Browser, running_app: RunningApp) -> Iterator[Reader]:
    """A reader at a desk; the browser must neither leave the site nor complain."""
    with browser.new_context(viewport=DESKTOP) as context:
        reader = Reader(context.new_page(), running_app.url)
        context.on("request", lambda request: reader.requests.append(request.url))
        reader.page.on("pageerror", lambda error: reader.complaints.append(str(error)))
        reader.page.on("console", lambda message: reader.complaints.append(message.text))
        yield reader
    served = urlsplit(running_app.url).netloc
    assert {urlsplit(url).netloc for url in reader.requests} == {served}
    assert [text for text in reader.complaints if "409 (CONFLICT)" not in text] == []


def test_a_patient_is_admitted_transferred_and_discharged(reader: Reader) -> None:
    reader.opens("/")
    reader.follows("Admit a patient")
    reader.fills("Name", "Ada Lovelace")
    reader.fills("Age in years", "36")
    reader.fills("Ward", "AA")
    reader.presses("Admit")
    reader.sees("Ada Lovelace was admitted to ward AA.")
    reader.sees_on_ward("AA", "Ada Lovelace")

    reader.follows("Transfer Ada Lovelace")
    reader.fills("To ward", "BB")
    reader.presses("Transfer")
    reader.sees("Ada Lovelace was transferred to ward BB.")
    reader.sees_on_ward("BB", "Ada Lovelace")

    reader.follows("Ada Lovelace")
    reader.follows("Discharge")
    reader.presses("Discharge")
    reader.sees("Ada Lovelace was discharged.")
    for event in (
        "Discharged from ward BB",
        "Transferred from ward AA to ward BB",
        "Admitted to ward AA",
    ):
        reader.sees(event)

    reader.follows("Admit again")
    reader.fills("To ward", "CC")
    reader.presses("Admit again")
    reader.sees("Admitted again, to ward CC")
    reader.follows("Ward board")
    reader.sees_on_ward("CC", "Ada Lovelace")


def test_the_keyboard_alone_is_enough(reader: Reader) -> None:
    keyboard = reader.page.keyboard

    def tab_to(name: str) -> None:
        target = reader.page.get_by_role("link", name=name, exact=True)
        for _ in range(30):
            keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"Expected to reach {name!r} with the Tab key within 30 steps.")

    reader.opens("/")
    keyboard.press("Tab")
    expect(reader.page.get_by_text("Skip to the content")).to_be_focused()
    keyboard.press("Enter")
    tab_to("Admit a patient")
    keyboard.press("Enter")
    expect(reader.page.get_by_label("Name")).to_be_focused()
    for text in ("Ada Lovelace", "36", "AA"):
        keyboard.type(text)
        keyboard.press("Tab")
    keyboard.press("Enter")
    reader.sees_on_ward("AA", "Ada Lovelace")

    tab_to("Transfer Ada Lovelace")
    keyboard.press("Enter")
    expect(reader.page.get_by_label("To ward")).to_be_focused()
    keyboard.press("Escape")
    expect(reader.page.get_by_role("link", name="Transfer Ada Lovelace")).to_be_focused()
    keyboard.press("Enter")
    expect(reader.page.get_by_label("To ward")).to_be_focused()
    keyboard.type("BB")
    keyboard.press("Enter")
    reader.sees_on_ward("BB", "Ada Lovelace")

    tab_to("Discharge Ada Lovelace")
    keyboard.press("Enter")
    expect(reader.page.get_by_role("button", name="Discharge")).to_be_focused()
    keyboard.press("Enter")
    reader.sees("Ada Lovelace was discharged.")
    reader.sees("No patient is on a ward yet")


def test_an_open_board_follows_what_others_do_and_disturbs_nobody(
    reader: Reader, running_app: RunningApp
) -> None:
    application = running_app.runtime.application
    ada = application.admit(AdmitPatient(name="Ada", age=36, ward="AA"))
    reader.opens("/")
    reader.sees_on_ward("AA", "Ada")
    transfer = reader.page.get_by_role("link", name="Transfer Ada")
    transfer.focus()

    application.admit(AdmitPatient(name="Bo", age=7, ward="AA"))
    reader.sees_on_ward("AA", "Ada", "Bo")
    expect(transfer).to_be_focused()

    transfer.click()
    reader.fills("To ward", "half writ")
    application.transfer(TransferPatient(patient_id=ada.patient_id, ward="BB"))
    expect(reader.page.locator("#board .card h2")).to_have_text(["AA", "BB"])
    expect(reader.page.get_by_label("To ward")).to_have_value("half writ")
    expect(reader.page.get_by_label("To ward")).to_be_focused()


def test_a_stale_form_shows_what_happened_and_can_be_sent_again(
    reader: Reader, running_app: RunningApp
) -> None:
    application = running_app.runtime.application
    ada = application.admit(AdmitPatient(name="Ada", age=36, ward="AA"))
    reader.opens(f"/patients/{ada.patient_id}")
    reader.follows("Transfer")
    reader.fills("To ward", "CC")
    application.transfer(TransferPatient(patient_id=ada.patient_id, ward="BB"))

    reader.presses("Transfer")
    reader.sees("Nothing was recorded.")
    reader.sees("Transferred from ward AA to ward BB")
    reader.presses("Transfer")
    reader.sees("Transferred from ward BB to ward CC")


def test_a_form_that_arrives_twice_admits_one_patient(
    reader: Reader, running_app: RunningApp
) -> None:
    def send_twice(route: Route) -> None:
        route.fetch(max_redirects=0)  # its answer never comes to the reader
        route.continue_()

    reader.opens("/admit")
    reader.fills("Name", "Ada")
    reader.fills("Age in years", "36")
    reader.fills("Ward", "AA")
    reader.page.route("**/admit", send_twice)
    reader.presses("Admit")
    reader.sees("Ada was admitted to ward AA.")
    running_app.runtime.worker().catch_up()
    reader.opens("/")
    reader.sees_on_ward("AA", "Ada")


def test_an_admission_whose_outcome_is_unknown_says_so_and_is_safely_sent_again(
    browser: Browser, shared_cassandra_env: dict[str, str]
) -> None:
    name = f"Ada {uuid4().hex}"
    with (
        losing_system(shared_cassandra_env) as (running, connection),
        browser.new_context() as context,
    ):
        reader = Reader(context.new_page(), running.url)
        reader.opens("/admit")
        reader.fills("Name", name)
        reader.fills("Age in years", "36")
        reader.fills("Ward", "AA")
        with connection.losing("request"):
            reader.presses("Admit")
            reader.sees(f"It is not known whether {name} was admitted.")
        expect(reader.page.get_by_label("Name")).to_have_value(name)

        reader.presses("Admit")
        reader.sees(f"{name} was admitted to ward AA.")
        settler = running.runtime.settler()
        assert settler
        settler.catch_up()
        running.runtime.worker().catch_up()
        reader.opens("/")
        expect(reader.page.locator(".patient-words a").get_by_text(name)).to_have_count(1)
        reader.follows(name)

        reader.follows("Transfer")
        reader.fills("To ward", "BB")
        with connection.losing("answer"):
            reader.presses("Transfer")
            reader.sees("It is not known whether this was recorded.")
        reader.presses("Transfer")
        reader.sees("Transferred from ward AA to ward BB")


def test_the_button_fills_the_open_board_with_demo_data(reader: Reader) -> None:
    reader.opens("/")
    reader.presses("Fill with demo data")
    expect(reader.page.locator(".patient").nth(3)).to_be_visible()


def test_an_open_board_says_when_it_cannot_be_updated(
    browser: Browser, running_app: RunningApp
) -> None:
    with browser.new_context() as context:
        reader = Reader(context.new_page(), running_app.url)
        reader.opens("/")
        notice = reader.page.get_by_text("The board cannot be updated at present.")
        context.set_offline(True)
        expect(notice).to_be_visible()
        context.set_offline(False)
        expect(notice).to_be_hidden()


def test_an_open_board_tells_as_of_when_it_is_current_and_that_it_stands_still(
    reader: Reader, running_app: RunningApp
) -> None:
    generations = Generations(running_app.runtime.database)
    warning = reader.page.get_by_role("status").filter(has_text="its updates are paused")
    time = reader.page.locator("#currency time")
    reader.opens("/")
    expect(reader.page.locator("#currency")).to_have_text(re.compile("Current as of .* UTC"))
    first = time.text_content() or ""
    expect(time).not_to_have_text(first)
    expect(warning).to_have_count(0)

    generations.pause(ward_board.MODEL, paused=True)
    expect(warning).to_be_visible()
    generations.pause(ward_board.MODEL, paused=False)
    expect(warning).to_have_count(0)


def test_the_past_is_reached_by_links_and_by_the_keyboard(
    reader: Reader, running_app: RunningApp
) -> None:
    application = running_app.runtime.application
    ada = application.admit(AdmitPatient(name="Ada", age=36, ward="A/A & B"))
    reader.opens("/")
    reader.sees_on_ward("A/A & B", "Ada")
    reader.follows("History of ward A/A & B")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("Ward A/A & B")
    expect(reader.page.get_by_role("row", name="Ada")).to_be_visible()

    reader.page.get_by_label("Moment (UTC)").fill("2026-01-05T06:12:03")
    reader.page.keyboard.press("Enter")
    reader.sees("05 Jan 2026, 06:12:03 UTC")
    reader.sees("Nobody was on this ward at that moment.")
    reader.follows("A day later")
    reader.sees("06 Jan 2026, 06:12:03 UTC")
    reader.follows("All wards then")
    reader.sees("Nobody was on a ward at that moment.")
    reader.follows("Now")
    expect(reader.page.get_by_role("region", name="A/A & B")).to_contain_text("Ada")

    reader.follows("Stays")
    expect(reader.page.get_by_role("row", name="Ada")).to_contain_text("still here")
    reader.follows("Ages")
    expect(reader.page.get_by_role("row", name="31-40")).to_contain_text("1")

    application.discharge(DischargePatient(patient_id=ada.patient_id))
    reader.opens(f"/patients/{ada.patient_id}")
    reader.follows("as of then version 1")
    reader.sees("This is not the present.")
    expect(reader.page.get_by_role("link", name="Admit again")).to_have_count(0)
    reader.follows("Show the present")
    expect(reader.page.get_by_role("link", name="Admit again")).to_be_visible()


def test_without_javascript_everything_works_by_plain_pages(
    browser: Browser, running_app: RunningApp
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        reader = Reader(context.new_page(), running_app.url)
        reader.opens("/admit")
        reader.fills("Name", "Ada")
        reader.fills("Age in years", "36")
        reader.fills("Ward", "AA")
        reader.presses("Admit")
        reader.follows("Transfer Ada")
        reader.fills("To ward", "BB")
        reader.presses("Transfer")
        reader.sees_on_ward("BB", "Ada")


CLIPPED = """() => [...document.querySelectorAll("body *")]
  .filter((element) => getComputedStyle(element).overflowX === "hidden"
    && !element.matches(".visually-hidden, input")
    && element.scrollWidth > element.clientWidth)
  .map((element) => element.className)"""
"""The elements that hide a part of what stands in them."""
LINES = """(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return new Set([...range.getClientRects()].map((line) => line.top)).size;
}"""
"""On how many lines an element's text stands."""


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_longest_names_are_shown_whole_and_nothing_is_wider_than_the_screen(
    browser: Browser, running_app: RunningApp, screen: ViewportSize
) -> None:
    application = running_app.runtime.application
    for number in range(3):
        admitted = application.admit(
            AdmitPatient(name=f"{number}{'W' * 199}", age=100, ward=f"{number}{'M' * 49}")
        )
    gone = application.admit(AdmitPatient(name="V" * 200, age=100, ward="AA"))
    application.discharge(DischargePatient(patient_id=gone.patient_id))
    application.admit(AdmitPatient(name="Ada Lovelace", age=36, ward="M" * 50))
    patient = f"/patients/{admitted.patient_id}"
    with browser.new_context(viewport=screen) as context:
        reader = Reader(context.new_page(), running_app.url)
        reader.opens("/")
        expect(reader.page.locator(".patient")).to_have_count(4)
        past = ["/history", f"/history/ward?ward={'M' * 50}", "/stays", "/demographics"]
        own = [patient, f"{patient}?version=1", f"{patient}/transfer"]
        for path in ("/", "/patients", "/admit", "/nothing", *past, *own):
            reader.opens(path)
            for details in reader.page.locator("details").all():
                details.evaluate("element => element.open = true")
            width = reader.page.evaluate("document.documentElement.scrollWidth")
            assert width <= screen["width"], f"{path} is {width} pixels wide"
            assert reader.page.evaluate(CLIPPED) == [], path
        reader.opens("/patients")
        short = reader.page.locator(
            "thead th, .status-away, .changed-at, a:text-is('Ada Lovelace')"
        )
        for element in short.filter(visible=True).all():
            assert element.evaluate(LINES) == 1, element.text_content()
