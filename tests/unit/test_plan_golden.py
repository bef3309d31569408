"""A roadmap of eight items, planned byte for byte: the JSON of `plan` and every spec it makes.

After a change that is meant, write the files anew with `python tests/unit/test_plan_golden.py` and read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.adapters.documents import dump_all, load, read_text
from orchestrator.core.plan import PlanResult, plan, specs_of
from orchestrator.core.roadmap import read_strict
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor, MergeTrain, MergeTrainSpec

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LANES = {
    "trading": ("services/torghut/app/trading/**", "services/torghut/tests/**"),
    "research": ("services/torghut/research/**",),
    "ops": ("argocd/**",),
}


def result() -> PlanResult:
    """Return the plan of the golden roadmap."""
    text, problems = read_text(GOLDEN / "roadmap.md")
    assert text is not None and problems == []
    read = read_strict(text, "roadmap.md")
    lanes = [Lane(metadata=ObjectMeta(name=name), spec=LaneSpec(own=own)) for name, own in LANES.items()]
    floors = (Floor(paths=("services/torghut/app/trading/firewall/**",), tier=Tier.SAFETY),)
    train = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec(floors=floors))
    return plan(read.items, lanes=lanes, trains=[train], problems=read.problems)


def as_json(planned: PlanResult) -> str:
    return json.dumps(planned.document(), indent=2, ensure_ascii=False) + "\n"


def test_the_plan_is_the_golden_one_byte_for_byte() -> None:
    assert as_json(result()) == (GOLDEN / "plan.json").read_text(encoding="utf-8")


def test_the_specs_are_the_golden_ones_byte_for_byte() -> None:
    assert dump_all(specs_of(result())) == (GOLDEN / "specs.yaml").read_text(encoding="utf-8")


def test_the_golden_specs_read_back_as_the_planned_ones() -> None:
    loaded = load([GOLDEN / "specs.yaml"])
    assert loaded.problems == ()
    assert loaded.resources == specs_of(result())


if __name__ == "__main__":
    (GOLDEN / "plan.json").write_text(as_json(result()), encoding="utf-8")
    (GOLDEN / "specs.yaml").write_text(dump_all(specs_of(result())), encoding="utf-8")
