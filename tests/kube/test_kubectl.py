"""kubectl feels native: names, columns, selectors, waits, differences and explanations, with the real kubectl."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.documents import dump, load
from orchestrator.adapters.documents.writer import document_of
from orchestrator.core.crds.columns import COLUMNS, SELECTABLE
from orchestrator.model.base import API_VERSION, Resource
from orchestrator.model.kinds import BY_KIND, KINDS
from orchestrator.model.train import Barrier, MergeTrain, MergeTrainSpec, Speculation
from tests.kube.keeper import die_with_parent
from tests.kube.plane import ROOT, Plane
from tests.unit import make

pytestmark = pytest.mark.kube

# One object of each kind with something in every column.
GATE = {"name": "test", "run": "make check"}
NOW = "2026-01-01T00:00:00Z"
SPECS: Mapping[str, dict[str, Any]] = {
    "Roadmap": {"markdown": "# Roadmap"},
    "Lane": {"own": ["src/**"], "agent": "shell"},
    "ImplementationSpec": {"summary": "Say hello", "lane": "a", "paths": ["src/**"], "tier": "safety"},
    "AgentRun": {"implementationSpecRef": {"name": "it"}, "agentRef": {"name": "shell"}},
    "AgentProvider": {"adapter": "command", "command": ["true"]},
    "MergeTrain": {"gates": [GATE]},
    "Decision": {"verb": "hold", "subject": "it", "actor": "ada", "reason": "not yet", "head": "1f2e"},
    "Validation": {
        "tree": "4b825d", "commit": "1f2e", "gate": GATE, "gateDigest": "d", "environment": "e",
        "purpose": "candidate", "subject": "it",
    },
}  # fmt: skip
READY = {"type": "Ready", "status": "True", "reason": "Landed", "message": "", "lastTransitionTime": NOW}
STATUSES: Mapping[str, dict[str, Any]] = {
    "Roadmap": {"items": 3, "landed": 2, "held": 1},
    "ImplementationSpec": {
        "phase": "Landed", "reason": "Landed", "tier": "safety", "currentRun": "it-1", "landed": "1f2e",
        "pullRequest": {"number": 7, "url": "u", "head": "1f2e"}, "conditions": [READY],
    },
    "AgentRun": {"phase": "Failed", "failureClass": "GateFailed", "head": "1f2e", "changedTotal": 4, "message": "why"},
    "MergeTrain": {
        "frozen": {"reason": "RedBase", "tip": "1f2e", "since": NOW}, "tip": "1f2e",
        "lastLanding": {"spec": "it", "commit": "1f2e", "at": NOW},
    },
    "Decision": {"effective": True},
    "Validation": {"phase": "Done", "tries": [{"result": "fail"}, {"result": "pass"}]},
}  # fmt: skip
WIDE: Mapping[str, str] = {
    "Roadmap": "it Apply 3 2 1",
    "Lane": "it src/** 4 shell",
    "ImplementationSpec": "it a safety Landed Landed 7 True it-1 1f2e Say hello",
    "AgentRun": "it it Failed GateFailed 1 shell 1f2e 4 why",
    "AgentProvider": "it command 30m auto",
    "MergeTrain": "it main RedBase it 1f2e",
    "Decision": "it hold it ada true 1f2e not yet",
    "Validation": "it test it Done pass 4b825d",
}


def document(kind: str, **said: object) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "it"}, "spec": {**SPECS[kind], **said}}


@pytest.fixture(scope="module")
def full(plane: Plane) -> str:
    """Return a namespace with one object of each kind, statuses included."""
    namespace = plane.namespace("kubectl")
    plane.apply(*(document(kind) for kind in SPECS), namespace=namespace)
    for kind, status in STATUSES.items():
        change = json.dumps({"status": status})
        plane.kubectl("patch", kind, "it", "--subresource=status", "--type=merge", "-p", change, namespace=namespace)
    return namespace


def words(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_every_name_of_a_kind_is_understood(plane: Plane, full: str, kind: type[Resource]) -> None:
    names = {kind.KIND.lower(), kind.PLURAL, *kind.SHORT, f"{kind.PLURAL}.interlock.dev", kind.KIND}
    told = {name: plane.kubectl("get", name, "-o", "name", namespace=full).out for name in sorted(names)}
    assert set(told.values()) == {f"{kind.KIND.lower()}.interlock.dev/it\n"}


@pytest.mark.parametrize("kind", SPECS)
def test_get_shows_a_row_that_says_it_and_more_if_wide(plane: Plane, full: str, kind: str) -> None:
    columns = COLUMNS[BY_KIND[kind]]
    head, row = plane.kubectl("get", kind, "-o", "wide", namespace=full).out.splitlines()
    assert re.split(r"  +", head.rstrip()) == ["NAME", *(column.name.upper() for column in columns)]
    said, age = words(row).rsplit(" ", 1)
    assert (said.replace(" false ", " "), bool(re.fullmatch(r"\d+[smh]\d*s?", age))) == (WIDE[kind], True)
    narrow = plane.kubectl("get", kind, namespace=full).out.splitlines()[0]
    assert re.split(r"  +", narrow.rstrip()) == ["NAME", *(c.name.upper() for c in columns if not c.wide)]


def test_one_word_lists_everything_of_ours(plane: Plane, full: str) -> None:
    listed = plane.kubectl("get", "interlock", "-o", "name", namespace=full).out.split()
    assert sorted(listed) == sorted(f"{kind.KIND.lower()}.interlock.dev/it" for kind in KINDS)


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in SELECTABLE.items() for path in paths])
def test_objects_are_selected_by_their_fields(plane: Plane, full: str, kind: type[Resource], path: str) -> None:
    value = plane.kubectl("get", kind.PLURAL, "it", "-o", f"jsonpath={{{path}}}", namespace=full).out
    assert value
    field = path.removeprefix(".")

    def select(selector: str) -> str:
        return plane.kubectl("get", kind.PLURAL, "--field-selector", selector, "-o", "name", namespace=full).out

    assert select(f"{field}={value}") == f"{kind.KIND.lower()}.interlock.dev/it\n"
    assert select(f"{field}!={value}") == ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_every_kind_and_field_is_explained(plane: Plane, kind: type[Resource]) -> None:
    told = plane.kubectl("explain", f"{kind.PLURAL}.spec").out
    assert f"KIND:       {kind.KIND}" in told
    for info in kind.model_fields["spec"].annotation.model_fields.values():  # type: ignore[union-attr]
        assert words(info.description or "nothing") in words(told)
    every = plane.kubectl("explain", kind.PLURAL, "--recursive").out
    assert "spec\t<Object>" in every and "status\t<Object>" in every


def test_explain_reaches_the_leaves(plane: Plane) -> None:
    told = words(plane.kubectl("explain", "mergetrains.spec.gates.couldNotRun.exit").out)
    assert "Exit codes that mean the gate could not run; 126 and 127 always do." in told
    assert "ENUM: safety validity execution strategy" in words(plane.kubectl("explain", "specs.spec.tier").out)


def test_wait_returns_when_it_is_ready_and_not_before(plane: Plane, namespace: str) -> None:
    plane.apply(document("ImplementationSpec"), namespace=namespace)
    wait = ["wait", "--for=condition=Ready", "spec/it"]
    early = plane.kubectl(*wait, "--timeout=1s", namespace=namespace, check=False)
    assert (early.code, "timed out waiting for the condition on implementationspecs/it" in early.err) == (1, True)
    waiting = subprocess.Popen(
        [plane.programs / "kubectl", *wait, "--timeout=60s", "--namespace", namespace],
        env=plane.environment(),
        preexec_fn=die_with_parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    with waiting:
        ready = json.dumps({"status": STATUSES["ImplementationSpec"]})
        plane.kubectl("patch", "spec", "it", "--subresource=status", "--type=merge", "-p", ready, namespace=namespace)
        assert waiting.communicate(timeout=60)[0] == "implementationspec.interlock.dev/it condition met\n"
    plane.kubectl("wait", "--for=jsonpath={.status.phase}=Landed", "spec/it", "--timeout=5s", namespace=namespace)


def test_diff_shows_what_would_change_and_nothing_that_was_filled_in(plane: Plane, namespace: str) -> None:
    def diff(*how: str, **said: object) -> tuple[int, list[str]]:
        text = json.dumps(document("MergeTrain", **said))
        told = plane.kubectl("diff", *how, "-f", "-", namespace=namespace, stdin=text, check=False)
        changes = [line for line in told.out.splitlines() if re.match(r"[-+] ", line)]
        return told.code, [words(line) for line in changes if "generation:" not in line]

    def serverside() -> None:
        plane.apply(document("MergeTrain"), namespace=namespace)

    def clientside() -> None:
        text = json.dumps(document("MergeTrain"))
        plane.kubectl("apply", "-f", "-", namespace=namespace, stdin=text)

    for apply, how in ((clientside, ()), (serverside, ("--server-side", "--force-conflicts"))):
        apply()
        assert diff(*how) == (0, [])
        assert diff(*how, paused=True)[0] == 1
        assert diff(*how, runs=9)[1] == ["- runs: 2", "+ runs: 9"]
        plane.kubectl("delete", "train", "it", namespace=namespace)


def test_server_side_apply_tells_writers_apart(plane: Plane, namespace: str) -> None:
    def apply(manager: str, *more: str, **said: object) -> Any:
        text = json.dumps(document("MergeTrain", **said))
        words = ["apply", "--server-side", f"--field-manager={manager}", *more, "-f", "-"]
        return plane.kubectl(*words, namespace=namespace, stdin=text, check=False)

    assert apply("author").out == "mergetrain.interlock.dev/it serverside-applied\n"
    version = ["get", "train", "it", "-o", "jsonpath={.metadata.resourceVersion}"]
    before = plane.kubectl(*version, namespace=namespace).out
    apply("author")
    assert plane.kubectl(*version, namespace=namespace).out == before
    other = apply("somebody", gates=[{**GATE, "run": "true"}])
    assert (other.code, 'conflict with "author": .spec.gates[name="test"].run' in other.err) == (1, True)
    # Gates are told apart by name: another writer adds one without saying the first one's again.
    assert apply("somebody", gates=[{"name": "lint", "run": "make lint"}]).code == 0
    names = plane.kubectl("get", "train", "it", "-o", "jsonpath={.spec.gates[*].name}", namespace=namespace).out
    assert names == "test lint"


def test_this_repositorys_own_swarm_can_be_applied(plane: Plane, namespace: str) -> None:
    paths = [ROOT / "interlock.yaml", ROOT / "lanes", ROOT / "specs"]
    files = [word for path in paths for word in ("-f", path)]
    versions = ["get", "interlock", "-o", "jsonpath={range .items[*]}{.metadata.resourceVersion} {end}"]
    told = plane.kubectl("apply", *files, namespace=namespace).out
    assert all(line.endswith(" created") for line in told.splitlines())
    before = plane.kubectl(*versions, namespace=namespace).out
    # kubectl may say "configured" of a list in which the server filled something in; nothing is.
    plane.kubectl("apply", *files, namespace=namespace)
    assert plane.kubectl(*versions, namespace=namespace).out == before
    resources = load([str(path) for path in paths]).resources
    assert len(before.split()) == len(resources) > 10
    for resource in resources:
        stored = plane.kubectl("get", resource.kind, resource.name, "-o", "json", namespace=namespace).json()
        assert vars(BY_KIND[resource.kind].model_validate_json(json.dumps(stored)))["spec"] == vars(resource)["spec"]


def test_what_interlock_writes_means_the_same_to_kubectl(plane: Plane, namespace: str, tmp_path: Path) -> None:
    # Everything an older YAML reads as something else: booleans, numbers, null.
    odd = ("off", "no", "y", "0x1f", "1_0", "1e3", "0b1", "~", "null", "0o7", "012", "1:30", "2001-01-01")
    train = MergeTrain(
        metadata=make.meta("odd"), spec=MergeTrainSpec(tier_barrier=Barrier.OFF, speculation=Speculation.OFF)
    )
    spec = make.spec(
        "odd", summary="off", objective="y", acceptance_criteria=odd, parameters={each: each for each in odd}
    )
    for resource in (train, spec):
        bare = resource.model_copy(update={"metadata": type(resource.metadata)(name="odd")})
        (tmp_path / f"{resource.kind}.yaml").write_text(dump(bare))
    plane.kubectl("apply", "-f", tmp_path, namespace=namespace)
    for resource in (train, spec):
        stored = plane.kubectl("get", resource.kind, "odd", "-o", "json", namespace=namespace).json()["spec"]
        wanted = document_of(resource)["spec"]
        assert {key: stored[key] for key in wanted} == wanted
