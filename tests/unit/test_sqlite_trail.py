"""The history of writes and the events: complete while they are young, bounded for ever."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.adapters.sqlite import SqliteCluster, trail
from orchestrator.model.base import ObjectMeta
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.ports import Event

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Stopped:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the one time there is."""
        return AT


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SqliteCluster]:
    with SqliteCluster(tmp_path, Stopped(), actor="alex") as cluster:
        yield cluster


def create(cluster: SqliteCluster, name: str = "a", text: str = "") -> ImplementationSpec:
    """Return a spec that is stored."""
    created = cluster.create(
        ImplementationSpec(
            metadata=ObjectMeta(name=name), spec=ImplementationSpecSpec(summary="s", text=text, paths=("src/**",))
        )
    )
    assert created is not None
    return created


def say(obj: ImplementationSpec, message: str) -> ImplementationSpec:
    """Return the spec with a message in its status."""
    return obj.model_copy(update={"status": obj.status.model_copy(update={"message": message})})


def test_every_write_is_in_the_history_with_who_when_and_what(cluster: SqliteCluster) -> None:
    obj = create(cluster)
    obj = cluster.update(obj.model_copy(update={"spec": obj.spec.model_copy(update={"text": "new"})})) or obj
    obj = cluster.update_status(say(obj, "waiting")) or obj
    cluster.update_status(say(obj, "waiting"))
    cluster.delete(ImplementationSpec, "a")
    writes = cluster.history("a")
    assert [(write.verb, write.version) for write in writes] == [
        ("create", 1),
        ("update", 2),
        ("status", 3),
        ("delete", 4),
    ]
    assert {(write.at, write.actor, write.kind, write.name) for write in writes} == {
        (AT, "alex", "ImplementationSpec", "a")
    }
    assert json.loads(writes[1].body)["spec"]["text"] == "new"
    assert writes[3].body == writes[2].body


def test_the_newest_writes_come_oldest_first(cluster: SqliteCluster) -> None:
    for name in ("a", "b", "c"):
        create(cluster, name)
    assert [write.name for write in cluster.history(limit=2)] == ["b", "c"]


def test_the_history_is_bounded_by_count(cluster: SqliteCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "HISTORY_MAX", 100)
    obj = create(cluster)
    for number in range(300):
        obj = cluster.update_status(say(obj, str(number))) or obj
    versions = [write.version for write in cluster.history(limit=10_000)]
    assert 100 <= len(versions) <= 164
    assert versions == list(range(302 - len(versions), 302))


def test_the_history_is_bounded_by_bytes(cluster: SqliteCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "HISTORY_BYTES_MAX", 1_000_000)
    obj = create(cluster, text="x" * 50_000)
    for number in range(128):
        obj = cluster.update_status(say(obj, str(number))) or obj
    assert sum(len(write.body) for write in cluster.history(limit=10_000)) < 1_000_000 + 64 * 51_000


def test_a_pruned_history_leaves_the_objects(cluster: SqliteCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "HISTORY_MAX", 1)
    objects = [create(cluster, f"s{number:03d}") for number in range(130)]
    assert list(cluster.list(ImplementationSpec)) == objects


def test_events_are_bounded_by_count(cluster: SqliteCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "EVENTS_MAX", 100)
    for number in range(300):
        cluster.record(Event(AT, "AgentRun", "a", "Reason", str(number)))
    messages = [event.message for event in cluster.events(limit=10_000)]
    assert 100 <= len(messages) <= 164
    assert messages[-1] == "299"


def test_an_object_is_written_through_to_the_disk_even_after_an_event(cluster: SqliteCluster) -> None:
    """Events are allowed to wait for the next object's fsync; objects are not."""
    cluster.record(Event(AT, "AgentRun", "a", "Reason", "message"))
    assert cluster._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert cluster._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_file_says_whose_it_is(cluster: SqliteCluster) -> None:
    db = sqlite3.connect(cluster.path)
    assert db.execute("PRAGMA application_id").fetchone() == (0x494C4B31,)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()
