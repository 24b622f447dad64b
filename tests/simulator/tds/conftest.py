"""Fixtures of the SQL side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.simulator.tds.builders import World, a_world
from tests.simulator.tds.served import Certificates, make_certificates, served


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@dataclass(frozen=True)
class Served:
    world: World
    port: int
    certificates: Certificates


@pytest.fixture
def sql(certificates: Certificates) -> Iterator[Served]:
    """A world behind a listening server."""
    world = a_world()
    with served(world, certificates) as port:
        yield Served(world, port, certificates)
