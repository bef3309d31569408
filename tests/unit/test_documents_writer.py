"""Objects written as documents: reading gives them back, and an edit leaves alone what it does not change."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings

from orchestrator.adapters.documents import dump, dump_all, edit, edited, load, load_bytes
from orchestrator.errors import Invalid
from orchestrator.model.base import ObjectMeta, Resource
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain
from tests.unit.generated import RESOURCES, SPECS

R = TypeVar("R", bound=Resource)

# Everything a text in a document may hold: all of Unicode but surrogates and control characters.
FILE = """\
# Our train.
apiVersion: interlock.dev/v1alpha1
kind: MergeTrain
metadata: {name: main}     # one is enough
spec:
    # make check is the whole truth
    gates:
    -   name: test         # fast
        run: "make check"
    -   name: 'slow'
        run: make slow

    window: {start: 4, max: 16}   # wide
    paused: off-ish
---
# untouched,   with   its   own   spacing
apiVersion: interlock.dev/v1alpha1
kind:   Lane
metadata: {name:   docs}
spec: {own: [ "docs/**" ]}   # all of it
"""


def read(text: str) -> Resource:
    loaded = load_bytes(text.encode(), "x.yaml")
    assert loaded.errors == ()
    (resource,) = loaded.resources
    return resource


@given(RESOURCES)
def test_reading_what_was_written_gives_the_same_object(resource: Resource) -> None:
    assert read(dump(resource)) == resource


def test_an_object_made_in_code_says_its_kind_and_version_and_keeps_long_texts_readable() -> None:
    spec = ImplementationSpecSpec(summary="Add: a gate", text="First line.\n\n  Second.\n", lane="a", paths=("**/x",))
    assert dump(ImplementationSpec(metadata=ObjectMeta(name="gate"), spec=spec)) == (
        "apiVersion: interlock.dev/v1alpha1\n"
        "kind: ImplementationSpec\n"
        "metadata:\n"
        "  name: gate\n"
        "spec:\n"
        "  summary: 'Add: a gate'\n"
        "  text: |\n"
        "    First line.\n"
        "\n"
        "      Second.\n"
        "  lane: a\n"
        "  paths:\n"
        "    - '**/x'\n"
    )


def test_several_objects_make_one_file_of_several_documents() -> None:
    lanes = [Lane(metadata=ObjectMeta(name=name), spec=LaneSpec(own=("x",))) for name in ("a", "b")]
    assert list(load_bytes(dump_all(lanes).encode(), "x").resources) == lanes


def write(folder: Path, text: str) -> tuple[Path, MergeTrain]:
    path = folder / "interlock.yaml"
    path.write_text(text.replace("    paused: off-ish\n", ""))
    train = load([path]).resources[0]
    assert isinstance(train, MergeTrain)
    return path, train


def changed(train: MergeTrain, **update: object) -> MergeTrain:
    return train.model_copy(update={"spec": train.spec.model_copy(update=update)})


def test_an_edit_changes_only_what_differs(tmp_path: Path) -> None:
    path, train = write(tmp_path, FILE)
    gates = (train.spec.gates[0], train.spec.gates[1].model_copy(update={"run": "make slower"}))
    wanted = changed(train, gates=gates, runs=3)
    before = path.read_text()
    assert edit(path, wanted)
    assert load([path]).resources[0] == wanted
    after = path.read_text().splitlines()
    assert [line for line in after if line not in before.splitlines()] == ["        run: make slower", "    runs: 3"]
    assert [line for line in before.splitlines() if line not in after] == ["        run: make slow"]


def test_an_edit_that_changes_nothing_leaves_the_file_byte_for_byte(tmp_path: Path) -> None:
    path, train = write(tmp_path, FILE)
    before = path.stat()
    assert not edit(path, train)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_an_edit_can_remove_and_shorten(tmp_path: Path) -> None:
    path, train = write(tmp_path, FILE)
    wanted = read(dump(train).replace("  window:\n    start: 4\n    max: 16\n", ""))
    assert isinstance(wanted, MergeTrain)
    wanted = changed(wanted, gates=wanted.spec.gates[:1])
    assert edit(path, wanted)
    assert load([path]).resources[0] == wanted
    assert "# fast" in path.read_text() and "wide" not in path.read_text()


def test_a_comment_in_a_list_stays_with_what_it_is_about() -> None:
    text = (
        "kind: Lane\nmetadata:\n  name: a\nspec:\n  own:\n    # the first two\n"
        "    - src/c  # important\n    - src/b  # less so\n    # somebody's\n"
        "    - src/mine\n    # what follows\n  maxRuns: 2\n"
    )
    said = {"kind": "Lane", "metadata": {"name": "a"}}
    shorter = edited(text, {**said, "spec": {"own": ["src/b", "src/mine", "src/d"], "maxRuns": 2}})
    assert shorter == text.replace("    - src/c  # important\n", "").replace(
        "    - src/mine\n", "    - src/mine\n    - src/d\n"
    )
    in_front = edited(text, {**said, "spec": {"own": ["src/a", "src/c", "src/b", "src/mine"], "maxRuns": 2}})
    assert in_front is not None
    assert [line for line in in_front.splitlines() if "- src" in line] == [
        "    - src/a", "    - src/c  # important", "    - src/b  # less so", "    - src/mine",
    ]  # fmt: skip
    without_last = edited(text, {**said, "spec": {"own": ["src/c", "src/b"], "maxRuns": 2}})
    assert without_last == text.replace("    - src/mine\n", "")


def test_an_edit_keeps_line_ends_byte_order_mark_and_mode(tmp_path: Path) -> None:
    path, train = write(tmp_path, FILE)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    path.chmod(0o640)
    assert edit(path, changed(train, runs=7))
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf# Our train.\r\n") and data.count(b"\n") == data.count(b"\r\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["interlock.yaml"]


def test_an_edit_of_what_is_said_once_for_several_places_changes_only_one(tmp_path: Path) -> None:
    text = FILE.replace("    -   name: test         # fast\n", "    -   &test\n        name: test\n")
    path, train = write(tmp_path, text.replace("    -   name: 'slow'\n", "    -   <<: *test\n        name: slow\n"))
    gates = (train.spec.gates[0].model_copy(update={"run": "make fast", "timeout": "1m"}), train.spec.gates[1])
    wanted = changed(train, gates=gates)
    assert edit(path, wanted)
    loaded = load([path])
    assert (loaded.problems, loaded.resources[0]) == ((), wanted)
    assert "# untouched,   with   its   own   spacing" in path.read_text()


def test_an_edit_of_what_the_file_does_not_hold_says_so_and_writes_nothing(tmp_path: Path) -> None:
    path, train = write(tmp_path, FILE)
    before = path.read_bytes()
    with pytest.raises(Invalid, match="holds no MergeTrain `other`"):
        edit(path, train.model_copy(update={"metadata": ObjectMeta(name="other")}))
    path.write_text("a: b: c\n")
    with pytest.raises(Invalid, match=r"interlock\.yaml:1:5: a `:` stands"):
        edit(path, train)
    assert path.read_text() == "a: b: c\n" and before


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edit")


@settings(max_examples=40)
@given(one=SPECS, other=SPECS)
def test_any_object_can_be_edited_into_any_other(folder: Path, one: Resource, other: Resource) -> None:
    path = folder / "spec.yaml"
    path.write_text("# kept\n" + dump(one))
    wanted = other.model_copy(update={"metadata": other.metadata.model_copy(update={"name": one.name})})
    edit(path, wanted)
    loaded = load([path])
    assert (loaded.errors, loaded.resources) == ((), (wanted,))
    assert path.read_text().startswith("# kept\n")
