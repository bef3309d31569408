"""A store that is exported and read back is the same store; anything less is refused before anything is written."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.documents import load_bytes
from orchestrator.adapters.forge_local.records import Record, Records
from orchestrator.adapters.sqlite import LeaderLock, SqliteCluster
from orchestrator.cli.main import main
from orchestrator.model.base import Resource, Sha
from orchestrator.model.decision import Decision
from orchestrator.model.kinds import KINDS
from orchestrator.model.run import AgentRun
from orchestrator.ports import Event
from tests.swarm import fill

ODD = "\x1b[31m\x00\x7f\x85\u2028é😀 off"


class Said(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


class Place:
    """A repository, a full store, and room for another."""

    def __init__(self, folder: Path) -> None:
        (folder / "shop/.git").mkdir(parents=True)
        self.folder, self.full, self.other = folder, folder / "full", folder / "other"
        self.backup = folder / "backup"

    def types(self, verb: str, *words: str, state: Path | None = None) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([verb, "--repo", str(self.folder / "shop"), "--state", str(state or self.full), *words])
        return Said(code, out.getvalue(), err.getvalue())

    def restores(self) -> Said:
        return self.types("import", str(self.backup), state=self.other)


@contextmanager
def store(state: Path) -> Iterator[SqliteCluster]:
    with SqliteCluster(state, SystemClock()) as cluster:
        yield cluster


def everything(state: Path) -> tuple[list[Resource], list[Event], list[Record]]:
    """Return all a store says, without the numbers each store counts for itself."""
    with store(state) as cluster:
        objects = [
            obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"resource_version": None})})
            for kind in KINDS
            for obj in cluster.list(kind)
        ]
        events = [replace(event, sequence=0) for event in cluster.events(limit=100_000)]
    return objects, events, Records(state / "pulls").all()


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("master")
    fill(folder / "full", words=lambda text: f"{text}{ODD}"[:4000])
    pulls = Records(folder / "full/pulls")
    for number in (1, 3):
        pulls.save(
            Record(number=number, branch=f"interlock/a-{number}", base="main", head=Sha("1"), title="A", body=ODD)
        )
    with pulls.lock():
        pulls.keep_from(7)
    return folder


@pytest.fixture
def place(master: Path, tmp_path: Path) -> Place:
    shutil.copytree(master / "full", tmp_path / "full")
    return Place(tmp_path)


def test_what_is_read_back_is_what_was_written(place: Place) -> None:
    assert place.types("export", "--out", str(place.backup)).code == 0
    assert place.restores().code == 0
    objects, events, pulls = everything(place.other)
    assert (objects, events, pulls) == everything(place.full)
    assert len(objects) > 40 and len(events) > 40 and len(pulls) == 2
    assert {type(obj) for obj in objects} >= {AgentRun, Decision}
    assert any(ODD in event.message for event in events) or ODD in str(objects)
    assert Records(place.other / "pulls").last_number() == 7


def test_an_export_of_what_was_read_back_is_the_same_but_for_versions(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    place.restores()
    again = place.folder / "again"
    assert place.types("export", "--out", str(again), state=place.other).code == 0

    def said(folder: Path) -> dict[str, str]:
        found = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
        return {name: "\n".join(x for x in text.splitlines() if "ersion" not in x) for name, text in found.items()}

    first, second = said(place.backup), said(again)
    assert first.keys() == second.keys()
    assert {n for n in first if first[n] != second[n] and not n.endswith("events.jsonl")} == set()


def test_reading_the_same_back_twice_changes_nothing(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    place.restores()
    with store(place.other) as cluster:
        mark = cluster.mark()
    second = place.restores()
    assert second.code == 0 and "already" in second.err
    with store(place.other) as cluster:
        assert cluster.mark() == mark


def test_a_store_that_says_something_else_is_left_alone(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    place.restores()
    with store(place.other) as cluster:
        name = cluster.list(Decision)[0].name
        cluster.delete(Decision, name)
    before = everything(place.other)
    refused = place.restores()
    assert refused.code == 1
    assert f"Decision `{name}`" in refused.err and "--state" in refused.err
    assert everything(place.other) == before


def test_no_store_is_filled_under_a_leader(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    lock = LeaderLock(place.other, SystemClock())
    assert lock.acquire(wait=False)
    refused = place.restores()
    lock.release()
    assert refused.code == 1 and "a leader works on" in refused.err
    assert everything(place.other)[0] == []


def test_everything_wrong_with_an_export_is_listed_and_nothing_is_stored(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    specs = sorted((place.backup / "objects/implementationspecs").iterdir())
    specs[0].write_text("{")
    specs[1].rename(specs[1].with_name("renamed.json"))
    fresh = json.loads(specs[2].read_text())
    del fresh["metadata"]["uid"]
    specs[2].write_text(json.dumps(fresh))
    with (place.backup / "events.jsonl").open("a") as trail:
        trail.write("nothing\n")
    refused = place.restores()
    assert refused.code == 2
    assert [word in refused.err for word in (specs[0].name, "renamed.json", specs[2].name, "events.jsonl:")] == [
        True
    ] * 4
    assert everything(place.other)[0] == []


@pytest.mark.parametrize("lost", ["export.json", "objects/mergetrains/main.json", "events.jsonl"])
def test_half_an_export_is_not_taken_for_a_whole_one(place: Place, lost: str) -> None:
    place.types("export", "--out", str(place.backup))
    (place.backup / lost).unlink()
    refused = place.restores()
    assert (refused.code, everything(place.other)[0]) == (2, [])
    assert str(place.backup) in refused.err and "Traceback" not in refused.err


def test_an_export_overwrites_nothing(place: Place) -> None:
    place.backup.mkdir()
    (place.backup / "mine.txt").write_text("mine")
    refused = place.types("export", "--out", str(place.backup))
    assert refused.code == 1 and "name another one" in refused.err
    assert [path.name for path in place.backup.iterdir()] == ["mine.txt"]


def test_pull_requests_with_numbers_that_are_taken_are_not_overwritten(place: Place) -> None:
    place.types("export", "--out", str(place.backup))
    theirs = Records(place.other / "pulls").save(
        Record(number=3, branch="interlock/b", base="main", head=Sha("2"), title="B", body="")
    )
    refused = place.restores()
    assert refused.code == 1 and "#3" in refused.err
    assert everything(place.other) == ([], [], [theirs])


def test_documents_on_stdout_can_be_read_as_documents(tmp_path: Path) -> None:
    place = Place(tmp_path)
    fill(place.full)
    with store(place.full) as cluster:
        names = [(kind.KIND, obj.name) for kind in KINDS for obj in cluster.list(kind)]
    listed = json.loads(place.types("export", "-o", "json").out)
    assert [(item["kind"], item["metadata"]["name"]) for item in listed["items"]] == names
    loaded = load_bytes(place.types("export").out.encode(), "all.yaml")
    assert [(obj.kind, obj.name) for obj in loaded.resources] == names
    assert loaded.problems == ()
