"""``patientmgmt init``: create keyspace and tables."""

import click

from eventstore_cassandra import Topology
from patientmgmt.environment import CASSANDRA, environment
from patientmgmt.initialise import initialise_cassandra

SINGLE_NODE = "single-node"
SINGLE_DATACENTER = "single-datacenter"
SEVERAL_DATACENTERS = "several-datacenters"


@click.command()
@click.option(
    "--topology",
    type=click.Choice([SINGLE_NODE, SINGLE_DATACENTER, SEVERAL_DATACENTERS]),
    default=SINGLE_NODE,
    show_default=True,
    help="How many copies are kept: one; three in one data centre; some in each data centre.",
)
@click.option(
    "--replicas",
    metavar="NAME=N",
    multiple=True,
    help="With several-datacenters: how many copies in which data centre; once for each.",
)
def init(topology: str, replicas: tuple[str, ...]) -> None:
    """Create the keyspace and the tables on Cassandra, where they are missing.

    Run it once, from one place, before anything else runs; running it again changes nothing. A
    keyspace that exists keeps its replication, and you are warned if that is not what you
    ask for. SQLite needs no preparation.

    \b
    Example, with writers in two data centres (then set CASSANDRA_SERIAL_CONSISTENCY=SERIAL too):
      patientmgmt init --topology several-datacenters --replicas DC1=3 --replicas DC2=3
    """
    env = environment()
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        click.echo(
            f"PERSISTENCE_MODULE is {env['PERSISTENCE_MODULE']}, which makes its own tables: "
            f"nothing to do. For Cassandra, set PERSISTENCE_MODULE={CASSANDRA}."
        )
        return
    keyspace = initialise_cassandra(env, _topology(topology, replicas))
    click.echo(f"Keyspace {keyspace} is ready: events, type view, snapshots and read models.")


def _topology(name: str, replicas: tuple[str, ...]) -> Topology:
    if name != SEVERAL_DATACENTERS:
        if replicas:
            raise click.BadOptionUsage(
                "replicas", f"--replicas goes with --topology {SEVERAL_DATACENTERS} only."
            )
        return Topology.single_node() if name == SINGLE_NODE else Topology.single_datacenter()
    if not replicas:
        raise click.BadOptionUsage(
            "replicas", f"--topology {name} needs --replicas NAME=N, once for each data centre."
        )
    return Topology.several_datacenters(dict(map(_data_centre, replicas)))


def _data_centre(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdecimal() or int(number) < 1:
        raise click.BadOptionUsage("replicas", f"--replicas: expected NAME=N, found {text!r}.")
    return name, int(number)
