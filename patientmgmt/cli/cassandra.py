"""``patientmgmt cassandra``: a real Apache Cassandra on this machine, without containers."""

import re
from pathlib import Path
from typing import Any

import click

from patientmgmt.cli.option_types import Seconds
from patientmgmt.environment import environment
from patientmgmt.local_cassandra import (
    MIN_HEAP_MIB,
    START_TIMEOUT,
    STOP_TIMEOUT,
    Cluster,
    ClusterSettings,
    find_java,
    nodes_in,
    resolve_jars,
    stop_nodes,
)

_NOT_RUNNING = 3
"""The exit code by which init scripts, too, tell that a service does not run."""

_PORT = click.IntRange(1, 65535)
_SECONDS = Seconds()
_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default=lambda: Path(environment()["PATIENTMGMT_DATA"]) / "cassandra",
    show_default="cassandra in PATIENTMGMT_DATA",
    envvar="LOCAL_CASSANDRA_DATA",
    show_envvar=True,
    help="Folder for data, logs and process ids, one sub-folder for each node.",
)


def _mebibytes(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    size = re.fullmatch(r"(\d+)([MmGg])", value)
    if size is None:
        raise click.BadParameter(f"expected a size such as 1G or 768M, found {value!r}")
    mebibytes = int(size[1]) * (1024 if size[2] in "Gg" else 1)
    if mebibytes < MIN_HEAP_MIB:
        raise click.BadParameter(f"a server needs at least {MIN_HEAP_MIB}M, found {value}")
    return mebibytes


@click.group(context_settings={"show_default": True})
def cassandra() -> None:
    """Run a real Apache Cassandra on this machine, without containers.

    It needs Java 17 and, for the first start, Maven, which downloads the server (about 66 MB). The
    servers listen on loopback addresses only and ask for no password.
    """


@cassandra.command()
@_DATA
@click.option(
    "--nodes",
    envvar="LOCAL_CASSANDRA_NODES",
    type=click.Choice(["1", "3"]),
    show_default="as many as --data holds, else 1",
    show_envvar=True,
    help="Number of nodes; a node takes about 1.5 GB of memory.",
)
@click.option(
    "--address",
    envvar="LOCAL_CASSANDRA_ADDRESS",
    default="127.0.0.1",
    show_envvar=True,
    help="Loopback address of the first node; further nodes have the following ones.",
)
@click.option(
    "--port",
    envvar="LOCAL_CASSANDRA_PORT",
    type=_PORT,
    default=9042,
    show_envvar=True,
    help="Where clients speak CQL.",
)
@click.option(
    "--storage-port",
    envvar="LOCAL_CASSANDRA_STORAGE_PORT",
    type=_PORT,
    default=7000,
    show_envvar=True,
    help="Where nodes speak to each other.",
)
@click.option(
    "--jmx-port",
    envvar="LOCAL_CASSANDRA_JMX_PORT",
    type=_PORT,
    default=7199,
    show_envvar=True,
    help="JMX of the first node on 127.0.0.1; further nodes have the following ports.",
)
@click.option(
    "--heap",
    envvar="LOCAL_CASSANDRA_HEAP",
    metavar="SIZE",
    callback=_mebibytes,
    default="1G",
    show_envvar=True,
    help="Java heap of each node.",
)
@click.option(
    "--timeout",
    type=_SECONDS,
    default=START_TIMEOUT,
    help="Seconds for each node to answer CQL.",
)
def start(*, timeout: float, **options: Any) -> None:
    """Start the nodes, and return when each of them answers CQL.

    Nodes that run already are left as they are. The servers run until `stop`.
    """
    Cluster(_settings(**options), report=click.echo).start(timeout=timeout)


def settings_of_environment() -> ClusterSettings:
    """Return what `start` would start, by LOCAL_CASSANDRA_* and its defaults.

    :raises click.UsageError: when one of those variables is not of its form.
    """
    with start.make_context("start", []) as context:
        options = dict(context.params)
    del options["timeout"]
    return _settings(**options)


def _settings(
    *,
    data: Path,
    nodes: str | None,
    address: str,
    port: int,
    storage_port: int,
    jmx_port: int,
    heap: int,
) -> ClusterSettings:
    return ClusterSettings(
        data=data,
        nodes=int(nodes) if nodes else len(nodes_in(data)) or 1,
        address=address,
        port=port,
        storage_port=storage_port,
        jmx_port=jmx_port,
        heap_mib=heap,
    )


@cassandra.command()
@_DATA
@click.option(
    "--timeout",
    type=_SECONDS,
    default=STOP_TIMEOUT,
    help="Seconds for each node to end before it is killed.",
)
def stop(*, data: Path, timeout: float) -> None:
    """Stop every node of the folder; its data stays."""
    nodes = nodes_in(data)
    if not nodes:
        click.echo(f"No node is running: {data} holds none")
    stop_nodes(nodes, report=click.echo, timeout=timeout)


@cassandra.command()
@_DATA
@click.pass_context
def status(ctx: click.Context, *, data: Path) -> None:
    """Show each node's address, process id, version and state.

    The exit code is 0 when every node is up, and 3 when one is not, or when there is none.
    """
    nodes = nodes_in(data)
    if not nodes:
        click.echo(f"No node is running: {data} holds none")
    versions = [None if node.pid() is None else node.release_version() for node in nodes]
    for node, version in zip(nodes, versions, strict=True):
        click.echo(f"{node.name}  {node.endpoint}  {_state(node.pid(), version)}")
    if not nodes or None in versions:
        ctx.exit(_NOT_RUNNING)


@cassandra.command(context_settings={"ignore_unknown_options": True, "show_default": True})
@_DATA
@click.option("--node", type=click.IntRange(min=1), default=1, help="Number of the node to ask.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def nodetool(ctx: click.Context, *, data: Path, node: int, arguments: tuple[str, ...]) -> None:
    """Run the server's own nodetool, for instance `nodetool status` or `nodetool help`."""
    nodes = nodes_in(data)
    if len(nodes) < node:
        raise click.UsageError(
            f"There is no node {node}: {data} holds {len(nodes) or 'none'}. See "
            "`patientmgmt cassandra status`."
        )
    done = nodes[node - 1].nodetool(arguments, java=find_java(), jars=resolve_jars(click.echo))
    click.echo(done.stdout, nl=False)
    click.echo(done.stderr, nl=False, err=True)
    ctx.exit(done.returncode)


def _state(pid: int | None, version: str | None) -> str:
    if pid is None:
        return "down"
    if version is None:
        return f"pid {pid}  down (the process runs but does not answer CQL)"
    return f"pid {pid}  version {version}  up"
