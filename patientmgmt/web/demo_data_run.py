"""Demo data at the press of a button: one run at a time, beside the requests."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

from patientmgmt.application import PatientManagement
from patientmgmt.demo_data import generate

logger = logging.getLogger(__name__)

PATIENTS = 30
"""Patients of one run: the board looks lived in, and a screen still holds it."""


class DemoDataRun:
    """Runs the demo data in a thread, and knows how far the last run came."""

    def __init__(self, application: PatientManagement) -> None:
        self._application = application
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="demo-data")
        self._lock = Lock()
        self._stopping = Event()
        self._run: Future[None] | None = None
        self.accepted = 0
        """Commands carried out by the last run."""

    def start(self) -> bool:
        """Begin a run; False when one is under way already, or the application is stopping."""
        with self._lock:
            if self.running or self._stopping.is_set():
                return False
            self.accepted = 0
            self._run = self._executor.submit(self._send)
            return True

    def stop(self) -> None:
        """End the run under way after its present command, and start no more."""
        with self._lock:
            self._stopping.set()
        self._executor.shutdown()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None and not self._run.done()

    @property
    def failed(self) -> bool:
        """Whether the last run ended early; the cause is in the log."""
        return self._run is not None and self._run.done() and self._run.exception() is not None

    def _send(self) -> None:
        try:
            for _ in generate(self._application, patients=PATIENTS, seed=None):
                self.accepted += 1
                if self._stopping.is_set():
                    return
        except Exception:
            logger.exception("The demo data ended early, after %d commands", self.accepted)
            raise
