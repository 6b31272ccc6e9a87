"""The images are what they are said to be, and the system that compose makes of them works.

There is no engine here: buildah builds them and runs them, and ``system.py`` does what compose
would do. Everything is in the network of this machine, so the ports of the file have to be free.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from socket import gethostbyname
from time import monotonic, sleep
from urllib.request import Request, urlopen

import pytest

from patientmgmt.local_cassandra import Cluster, stop_nodes
from tests.conftest import CassandraNode
from tests.faults.ring import ring_settings
from tests.images.buildah import Buildah, Image
from tests.images.container import Container
from tests.images.dockerfile import targets
from tests.images.system import ASKS_ANOTHER, System

pytestmark = pytest.mark.timeout(1500)  # the first one builds the images

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
    assert "0" not in image.user.split(":")
    with Container(buildah, image) as container:
        for script, expected in {
            f'test "$(id -u):$(id -g)" = {image.user}': True,
            "command -v python3": True,
            "command -v cc": False,
            "command -v gcc": False,
            "command -v make": False,
        }.items():
            code, output = container.run("/bin/sh", "-c", script)
            assert (code == 0) == expected, f"{script}: {code} {output}"


def test_the_system_starts_works_and_stops(
    images: Mapping[str, Image],
    buildah: Buildah,
    cassandra_node: CassandraNode,
    cassandra_elsewhere: Mapping[str, str],
) -> None:
    address = gethostbyname(cassandra_node.contact_points[0])
    system = System(buildah, images, nodes=[address], environment=cassandra_elsewhere)
    with system.up():
        for container in system.containers.values():
            assert container.users() == {int(container.image.user.partition(":")[0])}
        patient = admit("Ada Marsh")
        eventually(lambda: "Ada Marsh" in page("/"))
        eventually(lambda: f"PatientAdmitted {patient}" in system.containers["poll-client"].output)
        code, told = system.run("test-client")
        assert code == 0, told
        eventually(lambda: "PatientAdmitted" in system.containers["grpc-sink"].output)
        for name, container in reversed(system.containers.items()):
            assert container.is_healthy(), name
            assert container.stop(seconds=STOPPED_WITHIN) == 0, f"{name}:\n{container.output}"
            assert name in ASKS_ANOTHER or not container.is_healthy(), f"{name} seems to be there"


def test_on_three_nodes_it_goes_on_without_one_of_them(
    images: Mapping[str, Image], buildah: Buildah, tmp_path: Path
) -> None:
    with Cluster(ring_settings(tmp_path)) as cluster:
        port = {"CASSANDRA_PORT": str(cluster.port)}
        system = System(buildah, images, nodes=cluster.contact_points, environment=port)
        with system.up("three-nodes", wanted=["web", "worker"]):
            stop_nodes(cluster.nodes[:1], report=print)
            patient = admit("Bo Lind")
            eventually(lambda: patient in page("/"))


def admit(name: str) -> str:
    """Admit a patient, and return the id."""
    body = json.dumps({"name": name, "age": 34, "ward": "AA"}).encode()
    request = Request(  # noqa: S310
        f"{WEB}/api/patients", body, {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:  # noqa: S310
        return str(json.load(answer)["id"])


def page(path: str) -> str:
    with urlopen(f"{WEB}{path}") as answer:  # noqa: S310
        return str(answer.read().decode())


def eventually(happens: Callable[[], bool], *, seconds: float = 30) -> None:
    end = monotonic() + seconds
    while not happens():
        assert monotonic() < end
        sleep(0.1)
