"""The whole thing for real: a control plane, a git server, documents applied with kubectl, a leader that may do what
its role says and nothing else, and the demo's story at the end of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.demo.cast import GUARD, LABELS, STRAY_PATH
from tests.kube import assets
from tests.kube.plane import ROOT, Plane
from tests.kube.shop import LEADER, Shop, opened

pytestmark = pytest.mark.kube

WITHIN_S = 240.0


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Plane.start() as plane, opened(plane, pace=0.3) as made:
        yield made


def test_the_demos_roadmap_lands_in_order_and_kubectl_shows_it(shop: Shop) -> None:
    shop.prepare()
    applied = shop.apply().out.splitlines()
    assert len(applied) == 14 and all(line.endswith(" serverside-applied") for line in applied)
    shop.lead("--once", "--max-minutes", "4")
    # One item waits for a program that nobody has: only a person can change that.
    assert shop.attend(WITHIN_S) == 1, shop.plane.log(LEADER)
    story = shop.story()
    assert [(chapter.part, chapter.told) for chapter in story if not chapter.happened] == []
    order = shop.landed()
    assert order[0] == GUARD and len(order) == len(set(order)) == 7

    rows = {line.split()[0]: line.split() for line in shop.kubectl("get", "specs").out.splitlines()[1:]}
    assert {name: row[3:5] for name, row in rows.items()} == {
        **{name: ["Landed", "Landed"] for name in order},
        LABELS: ["Stalled", "GateCouldNotRun"],
    }
    ready = ["wait", "--for=condition=Ready", "--timeout=5s", *(f"spec/{name}" for name in order)]
    assert len(shop.kubectl(*ready).out.splitlines()) == 7
    landed = shop.kubectl("get", "specs", "--field-selector", "status.phase=Landed", "-o", "name").out.split()
    assert sorted(name.partition("/")[2] for name in landed) == sorted(order)
    train = shop.kubectl("get", "train", "main").out.splitlines()[1].split()
    assert train[:3] == ["main", "main", order[-1]]
    described = shop.kubectl("describe", "run", "stock-report-1").out
    assert STRAY_PATH in described and "ScopeViolation" in described
    events = shop.kubectl("get", "events", "--field-selector", f"involvedObject.name={GUARD}").out
    assert "Landed" in events
    holder = shop.kubectl("get", "lease", "interlock-leader", "-o", "jsonpath={.spec.holderIdentity}").out
    assert holder == ""
    # Nothing was asked for that its role does not give.
    assert "forbidden" not in (shop.plane.log(LEADER) + (shop.stage.state / "leader.log").read_text()).lower()

    # What only a person can change, a person changes.
    assert "cancel" in shop.says("cancel", LABELS, "--reason", "nobody has that program")
    shop.lead("--once", "--max-minutes", "2")
    shop.attend(WITHIN_S)
    assert shop.kubectl("get", "spec", LABELS).out.split()[-3:-1] == ["Cancelled", "Cancelled"]
    # A word is signed with the name the server knows, not with the machine's.
    said = shop.kubectl("get", "decisions").out.splitlines()[1].split()[1:5]
    assert said == ["cancel", LABELS, "some-reviewer", "true"]
    assert "Cancel" in shop.kubectl("get", "events", "--field-selector", f"involvedObject.name={LABELS}").out


def test_the_demo_shows_it_to_a_newcomer_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(assets.ready()), "TMPDIR": str(tmp_path)}
    demo = [sys.executable, "-m", "tests.kube.demo"]
    done = subprocess.run(demo, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ kubectl apply --server-side -k manifests/overlays/outside\n" in done.stdout
    assert "✗" not in done.stdout and list(tmp_path.iterdir()) == []
