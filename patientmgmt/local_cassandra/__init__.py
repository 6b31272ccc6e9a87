"""A real Apache Cassandra on this machine, without containers.

The server is resolved by Maven and run by Java 17; its data, logs and process ids stand in one
folder. The command ``patientmgmt cassandra`` and the tests use the same :class:`Cluster`::

    with Cluster(ClusterSettings(data=Path("var/cassandra"))) as cluster:
        ...  # connect to cluster.contact_points at cluster.port
"""

from patientmgmt.local_cassandra.cluster import START_TIMEOUT, STOP_TIMEOUT, Cluster, stop_nodes
from patientmgmt.local_cassandra.errors import LocalCassandraError
from patientmgmt.local_cassandra.jars import resolve_jars
from patientmgmt.local_cassandra.java import find_java
from patientmgmt.local_cassandra.node import Node, nodes_in
from patientmgmt.local_cassandra.ports import free_ports
from patientmgmt.local_cassandra.settings import MIN_HEAP_MIB, ClusterSettings, NodeSettings

__all__ = [
    "MIN_HEAP_MIB",
    "START_TIMEOUT",
    "STOP_TIMEOUT",
    "Cluster",
    "ClusterSettings",
    "LocalCassandraError",
    "Node",
    "NodeSettings",
    "find_java",
    "free_ports",
    "nodes_in",
    "resolve_jars",
    "stop_nodes",
]
