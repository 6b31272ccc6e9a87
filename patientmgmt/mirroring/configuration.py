"""The configuration of Envoy that is shipped for containers, at other addresses."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from eventstore_grpc.server.settings import LOOPBACK, SINK_PORT, STORE_PORT

ENVOY_PORT = 8080
"""The original's: its client looks for Envoy here."""
ADMIN_PORT = 9901

Configuration = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Hosts and ports; where Envoy itself listens, 0 takes a free port."""

    listen: tuple[str, int] = (LOOPBACK, ENVOY_PORT)
    store: tuple[str, int] = (LOOPBACK, STORE_PORT)
    sink: tuple[str, int] = (LOOPBACK, SINK_PORT)
    admin: tuple[str, int] = (LOOPBACK, ADMIN_PORT)


def shipped() -> Configuration:
    """Return the configuration of the containers."""
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "envoy.yaml", package.parent / "deploy" / "envoy.yaml"
    path = installed if installed.is_file() else checkout
    found: Configuration = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def at(configuration: Configuration, addresses: Addresses) -> Configuration:
    """Return the configuration with these addresses, and everything else as it was."""
    found = deepcopy(dict(configuration))
    resources = found["static_resources"]
    (listener,) = resources["listeners"]
    clusters = {
        cluster["name"]: _endpoint(cluster["load_assignment"]) for cluster in resources["clusters"]
    }
    for place, (host, port) in (
        (found["admin"], addresses.admin),
        (listener, addresses.listen),
        (clusters["grpc-store"], addresses.store),
        (clusters["grpc-sink"], addresses.sink),
    ):
        place["address"] = {"socket_address": {"address": host, "port_value": port}}
    return found


def _endpoint(load_assignment: Mapping[str, Any]) -> dict[str, Any]:
    ((found,),) = (group["lb_endpoints"] for group in load_assignment["endpoints"])
    endpoint: dict[str, Any] = found["endpoint"]
    return endpoint
