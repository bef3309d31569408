"""The night the swarm guide's own authors had, once more: the four items of its first wave arrive in that order.

Then, the order firewall merged last of four and two items edited the same files six minutes apart. Here the firewall
lands first, nothing crosses a lane, and who is in its way yields.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.night import layout
from tests.e2e.night.conductor import Conductor
from tests.e2e.night.layout import ARRIVAL, CONFIG, COSTS, FIREWALL, ITEMS, LEDGER, REPLAY

SWITCH = ("PAPER = True\n", "PAPER = True\nKILL_SWITCH_FILE = '/etc/torghut/kill'\n")
BASIS_POINTS = ("MAX_POSITION = 100\n", "MAX_POSITION = 100\nCOST_BPS = 5\n")


def scene(name: str, **more: object) -> dict[str, object]:
    """Return a scene that waits for its cue after it has written its files."""
    return {"cue": f"go-{name}", **more}


THREE: dict[str, list[dict[str, object]]] = {
    COSTS: [scene(COSTS, writes=layout.COSTS_FILES, edits={CONFIG: BASIS_POINTS})],
    REPLAY: [scene(REPLAY, writes=layout.REPLAY_FILES)],
    LEDGER: [scene(LEDGER, writes=layout.LEDGER_FILES)],
}


def landings(repository: Path) -> list[tuple[str, list[str]]]:
    """Return what landed, oldest first, each with the paths it changed."""
    log = layout.git(
        repository, "log", "--first-parent", "--reverse", "--diff-merges=first-parent", "--name-only",
        "--format=@%(trailers:key=Interlock-Spec,valueonly,separator=%x2C)", "main",
    )  # fmt: skip
    entries = [part.split() for part in log.split("@")[1:]]
    return [(entry[0], entry[1:]) for entry in entries if entry and entry[0] in ITEMS]


def assert_nothing_crossed_a_lane(conductor: Conductor, landed: list[tuple[str, list[str]]]) -> None:
    for name, paths in landed:
        owners = {path: conductor.ask("lanes", "explain", path)["owner"] for path in paths}
        assert set(owners.values()) <= set(ITEMS[name].lanes), (name, owners)


def assert_the_base_is_whole(repository: Path) -> None:
    config = (repository / CONFIG).read_text()
    assert all(line in config for line in ("KILL_SWITCH_FILE", "COST_BPS", "PAPER = True", "MAX_POSITION"))
    assert not any(mark in config for mark in ("<<<<", "====", ">>>>"))
    for command in (layout.SERVICE_TESTS, layout.REPLAY_TESTS):
        subprocess.run(["sh", "-c", command], cwd=repository, check=True, capture_output=True)
    assert layout.git(repository, "status", "--porcelain") == ""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_guides_lanes_have_one_owner_each(tmp_path: Path, state: Path) -> None:
    conductor = Conductor(layout.build(tmp_path, {}, list(ITEMS.values())), state)
    overlaps = conductor.ask("lanes", "check")["overlaps"]
    inner = [o for o in overlaps if o["owner"] == layout.DATA]
    assert {pair["lane"] for o in inner for pair in (o["a"], o["b"])} == {layout.DATA, layout.INFRA}
    assert all(o["owner"] for o in overlaps)
    assert conductor.ask("lanes", "explain", "argocd/applications/torghut/ta/job.yaml")["owner"] == layout.DATA
    assert conductor.ask("lanes", "explain", "argocd/applications/torghut/kill-switch.yaml")["owner"] == layout.INFRA


def test_the_firewall_lands_first_although_its_pull_request_arrives_last(tmp_path: Path, state: Path) -> None:
    """The firewall finds out that its switch belongs where the cost model's open pull request writes, and asks."""
    asks = {"asks": [CONFIG], "cue": f"go-{FIREWALL}", "writes": layout.FIREWALL_FILES}
    firewall = [asks, scene(f"{FIREWALL}-2", writes=layout.FIREWALL_FILES, edits={CONFIG: SWITCH})]
    repository = layout.build(tmp_path, {**THREE, FIREWALL: firewall}, list(ITEMS.values()))
    with Conductor(repository, state) as night:
        night.until(lambda: all(night.reached(f"{name}-1") for name in ITEMS), "all four agents at work side by side")
        for name in (COSTS, REPLAY, LEDGER):
            night.cue(f"go-{name}")
            night.until(lambda name=name: night.pull(name), f"a pull request of {name}")  # type: ignore[misc]
        assert landings(repository) == [] and night.pull(FIREWALL) is None
        night.cue(f"go-{FIREWALL}")
        night.until(lambda: night.reached(f"{FIREWALL}-2"), "the firewall at work again with more scope")
        told: dict[str, Any] = night.ask("explain", COSTS)
        assert (told["reason"], told["waitingFor"][0]["name"]) == ("Yielded", FIREWALL)
        night.cue(f"go-{FIREWALL}-2")
        code, document = night.end()
        landed = landings(repository)
        assert (code, [spec["phase"] for spec in document["specs"]]) == (0, ["Landed"] * 4)
        pulls = {spec["name"]: spec["pullRequest"]["number"] for spec in document["specs"]}
        assert tuple(sorted(pulls, key=pulls.__getitem__)) == ARRIVAL
        order = [name for name, _ in landed]
        assert order[0] == FIREWALL and order[-1] == LEDGER and sorted(order) == sorted(ITEMS)
        assert_nothing_crossed_a_lane(night, landed)
    assert_the_base_is_whole(repository)


def test_a_firewall_applied_while_the_cost_model_is_at_work_goes_first(tmp_path: Path, state: Path) -> None:
    """Both write the same lines: the cost model finishes unpublished, and resumes on what the firewall landed."""
    on_the_same_line = (SWITCH[0], SWITCH[0] + "COST_BPS = 5\n")
    resolved = layout.FILES[CONFIG].replace(SWITCH[0], SWITCH[1] + "COST_BPS = 5\n")
    costs = [scene(COSTS, writes=layout.COSTS_FILES, edits={CONFIG: on_the_same_line}), {"writes": {CONFIG: resolved}}]
    firewall = [scene(FIREWALL, writes=layout.FIREWALL_FILES, edits={CONFIG: SWITCH})]
    three = [ITEMS[COSTS], ITEMS[REPLAY], ITEMS[LEDGER]]
    repository = layout.build(tmp_path, {**THREE, COSTS: costs, FIREWALL: firewall}, three)
    late = ITEMS[FIREWALL].document()
    late["spec"]["paths"] = [*layout.FIREWALL_PATHS, CONFIG]  # type: ignore[index]
    layout.write(tmp_path / "late.yaml", json.dumps(late))
    with Conductor(repository, state) as night:
        night.until(lambda: all(night.reached(f"{name}-1") for name in (COSTS, REPLAY, LEDGER)), "three agents at work")
        night.say("apply", "-f", str(tmp_path / "late.yaml"))
        night.until(lambda: night.reached(f"{FIREWALL}-1"), "the firewall at work")
        claims = {claim["spec"]: claim["lentTo"] for claim in night.ask("explain", "main")["claims"]}
        assert (claims[COSTS], claims[FIREWALL], claims[REPLAY]) == (FIREWALL, None, None)
        night.cue(f"go-{COSTS}")
        night.until(lambda: (night.spec(COSTS) or {}).get("reason") == "Yielded", "the cost model finished unpublished")
        assert night.pull(COSTS) is None
        for name in (REPLAY, LEDGER, FIREWALL):
            night.cue(f"go-{name}")
            night.until(lambda name=name: night.pull(name), f"a pull request of {name}")  # type: ignore[misc]
        code, document = night.end()
        landed = landings(repository)
        assert (code, [spec["phase"] for spec in document["specs"]]) == (0, ["Landed"] * 4)
        order = [name for name, _ in landed]
        assert order[0] == FIREWALL and order[-1] == LEDGER and sorted(order) == sorted(ITEMS)
        runs = night.ask("get", "runs")["items"]
        told = [run["status"] for run in runs if run["spec"]["implementationSpecRef"]["name"] == COSTS]
        assert [(run["phase"], run.get("failureClass")) for run in told] == [("Failed", "Conflict"), ("Landed", None)]
        assert next(spec for spec in document["specs"] if spec["name"] == COSTS)["attempts"] == 0
        assert_nothing_crossed_a_lane(night, landed)
    assert_the_base_is_whole(repository)
