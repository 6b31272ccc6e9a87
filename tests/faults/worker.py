"""A child process: carries out a plan, and tells its parent what it does, a line of JSON for each.

Its parent sends the words ``start``, ``release`` (held writers go on), ``enough`` (writers end
before their last append) and ``finish`` with the position up to which a reader shall read. When the
parent is gone, so is the child.
"""

import json
import os
import sys
from collections.abc import Callable
from random import Random
from threading import Event, Lock, Thread
from time import sleep

from tests.faults.erasing import Eraser
from tests.faults.faulty_store import FaultyDatastore
from tests.faults.plan import Plan
from tests.faults.reading import Poller, Subscriber
from tests.faults.writing import Writer

_COMMANDS = 0
"""Standard input, read without Python's buffer, whose lock would outlast the main thread."""


class Parent:
    """The other end of the pipes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.started = Event()
        self.released = Event()
        self.has_enough = Event()
        self.on_finish: Callable[[int], None] = lambda _position: None

    def tell(self, kind: str, *values: object) -> None:
        """Report something; it is on its way when this returns."""
        line = json.dumps([kind, *values])
        with self._lock:
            print(line, flush=True)

    def listen(self) -> None:
        """Obey commands until the pipe is closed, which ends the process."""
        pending = b""
        while data := os.read(_COMMANDS, 1024):
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._obey(*line.decode().split())
        os._exit(1)

    def _obey(self, word: str, position: str = "") -> None:
        match word:
            case "start":
                self.started.set()
            case "release":
                self.released.set()
            case "enough":
                self.has_enough.set()
            case "finish":
                self.on_finish(int(position))


def main(plan: Plan) -> None:
    """Carry out the plan once the parent says so."""
    parent = Parent()
    random = Random(f"{plan.seed} {plan.name}")
    datastore = FaultyDatastore(plan.store.settings(plan.append_attempts), plan.losses, random)
    if plan.delay:
        datastore.session.add_request_init_listener(lambda _request: sleep(plan.delay))
    if plan.role == "writer":
        writer = Writer(plan, datastore, parent.tell, parent.released, parent.has_enough)
        run = writer.run
    elif plan.role == "eraser":
        run = Eraser(plan, datastore, parent.tell).run
    else:
        reader = (Poller if plan.role == "reader" else Subscriber)(
            plan, datastore, parent.tell, random
        )
        parent.on_finish = reader.finish
        run = reader.run
    Thread(target=parent.listen, daemon=True).start()
    parent.tell("ready")
    parent.started.wait()
    run()
    datastore.close()


if __name__ == "__main__":
    main(Plan.from_json(sys.argv[1]))
