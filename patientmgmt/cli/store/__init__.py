"""``patientmgmt store``: look after an event store on Cassandra."""

import click

from patientmgmt.cli.store.erase import erase
from patientmgmt.cli.store.look import status, verify
from patientmgmt.cli.store.mend import empty_snapshots, rebuild_log, restored, update
from patientmgmt.cli.store.settings import settings


@click.group()
def store() -> None:
    """Look after the event store on Cassandra: its state, and how to mend what is derived.

    All of it can run beside everything else, but for `update`, `restored`, and what `settings`
    changes.
    """


for command in (status, verify, rebuild_log, erase, empty_snapshots, restored, update, settings):
    store.add_command(command)
