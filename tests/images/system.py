"""What ``docker compose up`` does with its file, done by buildah in this machine's network."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.images.buildah import Buildah, Image
from tests.images.compose import COMPLETED, services, started
from tests.images.container import LOOPBACK, Container

HEALTHY_WITHIN = 60.0
"""Seconds."""
ASKS_ANOTHER = {"poll-client"}
"""Whose check is whether another service answers, so that it may succeed without this one."""


class System:
    """The services of the file, in containers.

    :param nodes: addresses of the nodes of Cassandra, which run already, in place of the file's.
    :param environment: what containers are told beside what the file says.
    """

    def __init__(
        self,
        buildah: Buildah,
        images: Mapping[str, Image],
        *,
        nodes: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self._buildah = buildah
        self._images = images
        self._environment = environment
        addresses = iter(nodes)
        self._hosts = [
            (name, address)
            for service in services().values()
            if (address := LOOPBACK if service.target else next(addresses, None))
            for name in service.names
        ]
        self.containers: dict[str, Container] = {}
        """Of the services that go on, in the order in which they were started."""

    @contextmanager
    def up(self, *profiles: str, wanted: Sequence[str] = ()) -> Iterator[None]:
        """Start the services, each when those that it waits for are healthy, or have ended well.

        :param wanted: names of services; only these are started, and those they wait for.
        """
        chosen = [service for service in started(*profiles, wanted=wanted) if service.target]
        ending = {
            name
            for service in chosen
            for name, dependency in service.dependencies.items()
            if dependency.condition == COMPLETED
        }
        try:
            for service in chosen:
                self._wait_for(service.dependencies)
                if service.name in ending:
                    code, output = self.run(service.name)
                    assert code == 0, f"{service.name}:\n{output}"
                else:
                    self._start(service.name)
            self._wait_for(self.containers)
            yield
        finally:
            for container in reversed(self.containers.values()):
                container.remove()

    def run(self, name: str) -> tuple[int, str]:
        """Run a service to its end, beside those that go on; return its exit code and output."""
        with self._container(name) as container:
            return container.run_service()

    def _start(self, name: str) -> None:
        container = self.containers[name] = self._container(name)
        is_there = name not in ASKS_ANOTHER and container.is_healthy()
        assert not is_there, f"{name} seems to be there before its start"
        container.start()

    def _wait_for(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.containers:
                container = self.containers[name]
                is_healthy = container.becomes_healthy(seconds=HEALTHY_WITHIN)
                assert is_healthy, f"{name} is not healthy:\n{container.output}"

    def _container(self, name: str) -> Container:
        service = services()[name]
        return Container(
            self._buildah,
            self._images[str(service.target)],
            hosts=self._hosts,
            environment={**service.environment, **self._environment},
            arguments=service.arguments,
        )
