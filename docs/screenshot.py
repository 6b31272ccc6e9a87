"""Take the README's screenshot from the running program: ``make screenshot``."""

import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen, run
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.setup import find_chromium

WIDTH, HEIGHT = 1200, 720
COMMAND = [sys.executable, "-m", "patientmgmt"]


def take(target: Path) -> None:
    """Start the program on SQLite, fill it with demo data, and photograph the ward board."""
    with TemporaryDirectory() as folder:
        env = dict(os.environ) | {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "PATIENTMGMT_DATA": folder,
        }
        with Popen([*COMMAND, "run", "--port", "0"], env=env, stdout=PIPE, text=True) as program:
            try:
                url = _address(program)
                run(
                    [*COMMAND, "demo-data", "--patients", "40", "--seed", "12"],
                    env=env,
                    stdout=PIPE,
                    check=True,
                )
                _photograph(url, target)
            finally:
                program.send_signal(signal.SIGINT)


def _address(program: Popen[str]) -> str:
    if program.stdout is None:
        raise RuntimeError("Expected the program's output to be a pipe.")
    for line in program.stdout:
        if "The ward board is at" in line:
            return line.split()[5]
    raise RuntimeError("The program ended before it said its address.")


def _photograph(url: str, target: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=["--no-sandbox", "--headless"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(url)
        page.get_by_role("link", name="Discharge").first.wait_for()
        page.screenshot(path=str(target))
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/ward-board.png"))
