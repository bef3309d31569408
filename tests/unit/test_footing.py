"""What a conditional write in a cluster is compared with, where several writers ask at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from orchestrator.adapters.kubernetes.footing import Footing
from orchestrator.adapters.kubernetes.shelf import revision
from orchestrator.errors import Transient
from orchestrator.model.base import ObjectMeta, Resource
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain


def document(version: str) -> dict[str, Any]:
    return {"metadata": {"name": "main", "uid": "u", "resourceVersion": version, "generation": int(version)}}


class Server:
    """Answers with what it has when it is asked, and only when the test lets it."""

    def __init__(self) -> None:
        self.version = "1"
        self.readings = 0
        self.asked, self.goes_on = Event(), Event()
        self.trouble: Transient | None = None

    def metadata(self, kind: object) -> Iterator[dict[str, Any]]:
        self.readings += 1
        has = self.version
        self.asked.set()
        assert self.goes_on.wait(10)
        if self.trouble is not None:
            raise self.trouble
        yield document(has)


@pytest.fixture
def server() -> Server:
    return Server()


def record(version: str) -> MergeTrain:
    return MergeTrain.model_construct(metadata=ObjectMeta(name="main", resource_version=version))


def footing(server: Server) -> Footing:
    reader: Any = server
    return Footing(reader)


def test_a_revision_and_a_version_hold_only_as_the_server_has_them(server: Server) -> None:
    server.goes_on.set()
    asked = footing(server)
    here: dict[type[Resource], str] = {ImplementationSpec: revision([document("1")])}
    assert asked.holds(here, record("1"))
    assert not asked.holds(here, record("2"))
    assert not asked.holds({ImplementationSpec: "another"}, None)
    server.version = "2"
    assert asked.holds({}, record("2"))
    assert not asked.holds(here, None)


def test_who_asks_while_the_server_is_being_read_is_not_answered_with_that_reading(server: Server) -> None:
    asked = footing(server)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asked.holds, {}, record("1"))
        assert server.asked.wait(10)
        server.version = "2"  # Written after the first reading began, and before the second one asks.
        second = pool.submit(asked.holds, {}, record("1"))
        server.goes_on.set()
        assert (first.result(10), second.result(10)) == (True, False)
    assert server.readings == 2


def test_a_reading_that_failed_answers_only_whoever_made_it(server: Server) -> None:
    server.goes_on.set()
    server.trouble = Transient("away")
    asked = footing(server)
    with pytest.raises(Transient):
        asked.holds({}, record("1"))
    server.trouble = None
    assert asked.holds({}, record("1"))
