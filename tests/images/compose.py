"""The services of ``docker-compose.yml``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "docker-compose.yml"
STARTED = "service_started"
HEALTHY = "service_healthy"
COMPLETED = "service_completed_successfully"


@dataclass(frozen=True)
class Dependency:
    """What a service waits for."""

    condition: str
    is_required: bool
    """Whether the other service has to be among those that are started."""


@dataclass(frozen=True)
class Service:
    """One service."""

    name: str
    target: str | None
    """Of the Dockerfile; None for an image of others."""
    arguments: Sequence[str] | None
    """In place of the image's; None leaves these."""
    environment: Mapping[str, str]
    dependencies: Mapping[str, Dependency]
    profiles: Sequence[str]
    ports: Sequence[str]
    volumes: Sequence[str]
    names: Sequence[str]
    """By which other services reach it."""
    health: Sequence[str] | None
    """The file's own check; None leaves the image's."""
    restart: str | None


def services() -> Mapping[str, Service]:
    """Return all services by name."""
    return {name: _service(name, raw) for name, raw in document()["services"].items()}


def document() -> Mapping[str, Any]:
    """Return the file's contents."""
    found: Mapping[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def started(*profiles: str, wanted: Sequence[str] = ()) -> Sequence[Service]:
    """Return what ``docker compose up`` starts with the profiles, each after those it waits for.

    :param wanted: names of services; only these are started, and those they wait for.
    """
    every = services()
    chosen = {
        name: service
        for name, service in every.items()
        if not service.profiles or set(service.profiles) & set(profiles)
    }
    order = TopologicalSorter(
        {
            name: [other for other in service.dependencies if other in chosen]
            for name, service in chosen.items()
        }
    )
    needed = set(wanted or chosen)
    in_order = list(order.static_order())
    for name in reversed(in_order):
        if name in needed:
            needed |= set(chosen[name].dependencies)
    return [chosen[name] for name in in_order if name in needed]


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    networks = raw.get("networks", {})
    return Service(
        name=name,
        target=raw["build"]["target"] if "build" in raw else None,
        arguments=raw.get("command"),
        environment=raw.get("environment", {}),
        dependencies={
            other: Dependency(found["condition"], found.get("required", True))
            for other, found in raw.get("depends_on", {}).items()
        },
        profiles=raw.get("profiles", []),
        ports=raw.get("ports", []),
        volumes=raw.get("volumes", []),
        names=[name, *(alias for network in networks.values() for alias in network["aliases"])],
        health=raw["healthcheck"]["test"] if "healthcheck" in raw else None,
        restart=raw.get("restart"),
    )
