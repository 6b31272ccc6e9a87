"""The images are what they are said to be, and the system that compose makes of them works.

There is no engine here: buildah builds them and runs them, and ``system.py`` does what compose
would do. Everything is in the network of this machine, so the ports of the file have to be free.
"""

import json
from collections.abc import Mapping
from urllib.request import Request, urlopen

import pytest

from tests.images.buildah import Buildah, Image
from tests.images.container import Container
from tests.images.dockerfile import targets
from tests.images.system import up

WEB = "http://127.0.0.1:8000"
MOST_MEGABYTES = 125
"""More is not a little more, but something that does not belong there."""
STOPPED_WITHIN = 10.0
"""Seconds: after so many compose kills."""


@pytest.fixture(params=sorted(targets()))
def image(request: pytest.FixtureRequest, images: Mapping[str, Image]) -> Image:
    return images[request.param]


def test_an_image_adds_little_to_its_base(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    megabytes = sum(image.layers[1:]) / 1e6
    with capsys.disabled():
        print(f"\n{image.name} adds {megabytes:.0f} MB to its base", end=" ")
    assert megabytes <= MOST_MEGABYTES


def test_an_image_has_a_user_without_privileges_and_nothing_to_build_with(
    image: Image, buildah: Buildah
) -> None:
    user, _, group = image.user.partition(":")
    container = Container(buildah, image)
    assert container.run("/bin/sh", "-c", "echo $(id -u):$(id -g)") == (0, f"{user}:{group}\n")
    assert "0" not in (user, group)
    code, found = container.run("/bin/sh", "-c", "command -v cc gcc make")
    assert code != 0, found
    container.remove()


def test_the_system_starts_works_and_stops(
    images: Mapping[str, Image],
    buildah: Buildah,
    cassandra_address: str,
    cassandra_elsewhere: Mapping[str, str],
) -> None:
    with up(
        buildah, images, cassandra=cassandra_address, environment=cassandra_elsewhere
    ) as system:
        for container in system.containers.values():
            assert container.users() == {int(container.image.user.partition(":")[0])}
        admit("Ada Marsh")
        for name, container in reversed(system.containers.items()):
            assert container.is_healthy(), name
            assert container.stop(seconds=STOPPED_WITHIN) == 0, f"{name}:\n{container.output}"
            assert not container.is_healthy(), f"{name} is healthy after its end"


def admit(name: str) -> None:
    body = json.dumps({"name": name, "age": 34, "ward": "AA"}).encode()
    request = Request(  # noqa: S310
        f"{WEB}/api/patients", body, {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:  # noqa: S310
        assert answer.status == 201
