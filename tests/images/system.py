"""What ``docker compose up`` does with its file, done by buildah in this machine's network."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.images.buildah import Buildah, Image
from tests.images.compose import COMPLETED, Service, services, started
from tests.images.container import LOOPBACK, Container

HEALTHY_WITHIN = 60.0
"""Seconds."""
ASKS_ANOTHER = {"poll-client"}
"""Whose check is whether another service answers, so that it may succeed without this one."""


@dataclass
class System:
    """The services that go on, in the order in which they were started."""

    nodes: Sequence[str]
    """The addresses of the nodes that run already, in place of the file's."""
    environment: Mapping[str, str]
    """What its clients are told beside what the file says."""
    containers: dict[str, Container] = field(default_factory=dict)

    def container(self, buildah: Buildah, image: Image, service: Service) -> Container:
        """Return a container for a service."""
        nodes = iter(self.nodes)
        hosts = [
            (name, address)
            for other in services().values()
            if (address := LOOPBACK if other.target else next(nodes, None))
            for name in other.names
        ]
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
                is_healthy = container.becomes_healthy(seconds=HEALTHY_WITHIN)
                assert is_healthy, f"{name} is not healthy:\n{container.output}"


@contextmanager
def up(
    buildah: Buildah,
    images: Mapping[str, Image],
    *,
    nodes: Sequence[str],
    environment: Mapping[str, str],
    profiles: Sequence[str] = (),
    wanted: Sequence[str] = (),
) -> Iterator[System]:
    """Start the services, each when those it waits for are healthy, or have come to their end."""
    system = System(nodes, environment)
    chosen = [service for service in started(*profiles, wanted=wanted) if service.target]
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
                assert service.name in ASKS_ANOTHER or not container.is_healthy(), (
                    f"{service.name} seems to be there before its start"
                )
                container.start()
        system.wait_for(system.containers)
        yield system
    finally:
        for container in reversed(system.containers.values()):
            container.remove()
