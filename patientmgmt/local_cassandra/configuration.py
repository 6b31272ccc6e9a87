"""The server's configuration and command line, from the settings of a node.

The files and options that the server needs are named in its own ``conf`` folder, which is not
among the jars.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from patientmgmt.local_cassandra.settings import NodeSettings

LOGBACK_FILE = Path(__file__).with_name("logback.xml")
TOOLS_LOGBACK_FILE = LOGBACK_FILE.with_name("logback-tools.xml")

_EXPORTED = (
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.base/java.lang.reflect",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.compiler/com.sun.tools.javac.file",
)
_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
)
_INTERNALS = (
    *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED),
    *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
)
"""Parts of Java that the server's classes reach into, and those of its tools as well."""


def cassandra_yaml(node: NodeSettings) -> str:
    """Return the text of the node's ``cassandra.yaml``: JSON, which is YAML as well."""
    return json.dumps(_configuration(node), indent=2) + "\n"


def java_command(node: NodeSettings, *, java: Path, jars: Path) -> list[str]:
    """Return the command line that runs the node in the foreground."""
    conf = node.folder / "conf"
    return [
        str(java),
        # The heap grows as it is needed: as root the server locks what it has at its start.
        f"-Xms{min(256, node.heap_mib)}m",
        f"-Xmx{node.heap_mib}m",
        f"-XX:MaxDirectMemorySize={node.heap_mib // 2}m",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=300",
        "-XX:+ExitOnOutOfMemoryError",
        # No statistics file in the machine's temporary folder, and no pauses to write it.
        "-XX:+PerfDisableSharedMem",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={node.folder / 'tmp'}",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dio.netty.tryReflectionSetAccessible=true",
        *_INTERNALS,
        f"-Dlogback.configurationFile={LOGBACK_FILE.as_uri()}",
        f"-Dcassandra.logdir={node.folder / 'logs'}",
        f"-Dcassandra.config={(conf / 'cassandra.yaml').as_uri()}",
        storage_argument(node.folder),
        "-Dcassandra-foreground=yes",
        f"-Dcassandra.jmx.local.port={node.jmx_port}",
        f"-Dcassandra.ring_delay_ms={5000 if node.in_ring else 1000}",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.superuser_setup_delay_ms=0",
        f"-Dcassandra.shutdown_announce_in_ms={2000 if node.in_ring else 0}",
        "-cp",
        f"{jars}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def nodetool_command(
    node: NodeSettings, arguments: Sequence[str], *, java: Path, jars: Path
) -> list[str]:
    """Return the command line that runs the server's own nodetool on the node."""
    return [
        str(java),
        "-Xmx128m",
        *_INTERNALS,
        # Its history goes here, and its log nowhere.
        f"-Duser.home={node.folder / 'tmp'}",
        f"-Djava.io.tmpdir={node.folder / 'tmp'}",
        f"-Dlogback.configurationFile={TOOLS_LOGBACK_FILE.as_uri()}",
        "-cp",
        f"{jars}/*",
        "org.apache.cassandra.tools.NodeTool",
        "--host=127.0.0.1",
        f"--port={node.jmx_port}",
        *arguments,
    ]


def storage_argument(folder: Path) -> str:
    """Return the argument by which the server of this folder is told from all other processes."""
    return f"-Dcassandra.storagedir={folder / 'data'}"


def _configuration(node: NodeSettings) -> dict[str, object]:
    data = node.folder / "data"
    configuration: dict[str, object] = {
        "cluster_name": "patientmgmt",
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        # Few: each token is a range of its own to scan, build and repair. Never changed later.
        "num_tokens": 4,
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": node.seed}],
            }
        ],
        "listen_address": node.address,
        "storage_port": node.storage_port,
        "rpc_address": node.address,
        "native_transport_port": node.port,
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "saved_caches_directory": str(data / "saved_caches"),
        "hints_directory": str(data / "hints"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        # With the usual "periodic" a server that is killed loses what it acknowledged last, and a
        # single node has no other copy.
        "commitlog_sync": "batch",
        # Directly to the disk where that can be done. As a mapped file, each page that was synced
        # leaves the cache, and the next write to it brings it back.
        "commitlog_disk_access_mode": "auto",
        # The event store needs its type view, and conditional appends in two round trips.
        "materialized_views_enabled": True,
        "paxos_variant": "v2",
        # Bounds that suit a laptop; the defaults grow with the disk and the heap. Memtables keep
        # theirs, a quarter of the heap: smaller ones are flushed and compacted all the time.
        "commitlog_total_space": "512MiB",
        "file_cache_size": "64MiB",
        "key_cache_size": "16MiB",
        # What is dropped is gone: a test's keyspace shall not stay on the disk as a snapshot.
        "auto_snapshot": False,
        # A server without its disk ends, with the reason in its log, instead of half working.
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
    }
    if node.authentication:
        configuration["authenticator"] = {"class_name": "PasswordAuthenticator"}
    if node.client_keystore is not None:
        configuration["client_encryption_options"] = {
            "enabled": True,
            "optional": False,
            "keystore": node.client_keystore,
            "keystore_password": "cassandra",
            "store_type": "PKCS12",
        }
    return configuration
