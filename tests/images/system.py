"""What ``docker compose up`` does with its file, done by buildah in this machine's network."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.images.buildah import Buildah, Image
from tests.images.compose import COMPLETED, Service, services, started
from tests.images.container import LOOPBACK, Container

HEALTHY_WITHIN = 60.0
"""Seconds."""


@dataclass
class System:
    """The services that go on, in the order in which they were started."""

    cassandra: str
    """The address of the Cassandra that runs already, in place of the file's."""
    environment: Mapping[str, str]
    """What its clients are told beside what the file says."""
    containers: dict[str, Container] = field(default_factory=dict)

    def container(self, buildah: Buildah, image: Image, service: Service) -> Container:
        """Return a container for a service."""
        hosts = {
            name: LOOPBACK if other.target else self.cassandra
            for other in services().values()
            for name in other.names
        }
        return Container(
            buildah,
            image,
            hosts=hosts,
            environment={**service.environment, **self.environment},
            arguments=service.arguments,
        )

    def wait_for(self, names: Iterable[str]) -> None:
        """Wait until the services among them that go on are healthy."""
        for name in names:
            if name in self.containers:
                container = self.containers[name]
                assert container.becomes_healthy(seconds=HEALTHY_WITHIN), (
                    f"{name} is not healthy:\n{container.output}"
                )


@contextmanager
def up(
    buildah: Buildah,
    images: Mapping[str, Image],
    *,
    cassandra: str,
    environment: Mapping[str, str],
) -> Iterator[System]:
    """Start the services, each when those it waits for are healthy, or have come to their end."""
    system = System(cassandra, environment)
    chosen = [service for service in started() if service.target]
    ending = {
        name
        for service in chosen
        for name, dependency in service.dependencies.items()
        if dependency.condition == COMPLETED
    }
    try:
        for service in chosen:
            system.wait_for(service.dependencies)
            container = system.container(buildah, images[str(service.target)], service)
            if service.name in ending:
                code, output = container.run_service()
                assert code == 0, f"{service.name}:\n{output}"
                container.remove()
            else:
                system.containers[service.name] = container
                assert not container.is_healthy(), f"{service.name} is healthy before its start"
                container.start()
        system.wait_for(system.containers)
        yield system
    finally:
        for container in reversed(system.containers.values()):
            container.remove()
