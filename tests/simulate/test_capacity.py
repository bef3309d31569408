"""Made-up days: the same for the same seed, policies in the order they must be in, and a page that loads nothing."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.cli.main import main
from orchestrator.cli.simulate import page
from orchestrator.model.train import MergeTrainSpec
from orchestrator.simulate.capacity import models, ours
from orchestrator.simulate.capacity.comparison import Point, Sweep, advice
from orchestrator.simulate.capacity.measure import Day
from orchestrator.simulate.capacity.work import Work, day_of
from orchestrator.simulate.file import Policy, Workload
from orchestrator.simulate.result import span
from tests.simulate.play import HEAD

WORK = Workload.model_validate(
    {"arrivalsPerHour": 12, "count": 300, "fails": 0.1, "conflictsMaybe": 0.05, "conflictsReally": 0.2, "seed": 3}
)
TRAIN = MergeTrainSpec.model_validate({"runs": 3, "retries": {"flaky": 0, "infra": 3}})
SPEC = """\
train: {runs: 2, retries: {flaky: 0, infra: 3}}
workload: {arrivalsPerHour: 6, count: 12, fails: 0.2}
"""


def interlock(tmp_path: Path, spec: str, *words: str) -> tuple[int, str, str]:
    file = tmp_path / "day.yaml"
    file.write_text(HEAD + "".join(f"  {line}\n" for line in spec.splitlines()))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["simulate", str(file), *words])
    return code, out.getvalue(), err.getvalue()


def test_a_day_is_a_function_of_its_seed_and_of_the_kind_that_was_asked_for() -> None:
    day = day_of(WORK)
    assert day == day_of(WORK) != day_of(WORK.model_copy(update={"seed": 4}))
    assert 12 * 0.8 < 300 / (day[-1].at / 60) < 12 * 1.2
    assert 8 < sorted(work.minutes for work in day)[150] < 12
    assert max(work.minutes for work in day) <= 60
    pairs = 300 * 299 / 2
    assert 0.04 < sum(len(work.shares) for work in day) / pairs < 0.06
    assert 0.05 < sum(not work.is_good for work in day) / 300 < 0.15


def test_another_failure_rate_meets_the_same_arrivals_and_run_times() -> None:
    other = day_of(WORK.model_copy(update={"fails": 0.9}))
    assert [(work.at, work.minutes, work.shares) for work in other] == [
        (work.at, work.minutes, work.shares) for work in day_of(WORK)
    ]


def test_without_anything_shared_a_model_with_runners_enough_takes_each_items_own_time() -> None:
    day = day_of(WORK.model_copy(update={"conflicts_maybe": 0.0, "count": 50}))
    for policy in (Policy.ORACLE, Policy.SINGLE, Policy.PREFIX):
        told = models.play(policy, day, 50)
        assert told.turnarounds == pytest.approx([work.minutes for work in day])
        assert told.runs == 50


def test_a_single_queue_waits_prefix_guesses_wrong_and_the_oracle_does_not() -> None:
    alike = {"is_good": True, "shares": (), "breaks": ()}
    bad = Work(0, 10, is_good=False, shares=(), breaks=())
    day = (bad, Work(0, 10, is_good=True, shares=(0,), breaks=(0,)), Work(0, 10, **alike))  # type: ignore[arg-type]
    found = {policy: models.play(policy, day, 3) for policy in (Policy.ORACLE, Policy.SINGLE, Policy.PREFIX)}
    assert {policy.value: day.turnarounds for policy, day in found.items()} == {
        "oracle": (10, 10, 10),
        "single": (10, 20, 10),
        "prefix": (10, 20, 10),
    }
    assert {policy.value: (day.runs, day.landed) for policy, day in found.items()} == {
        "oracle": (3, 2), "single": (3, 2), "prefix": (4, 2),
    }  # fmt: skip


def test_nothing_is_faster_than_the_oracle_and_no_model_lands_what_fails() -> None:
    day = day_of(WORK)
    found = {policy: models.play(policy, day, 3) for policy in (Policy.ORACLE, Policy.SINGLE, Policy.PREFIX)}
    medians = {policy: told.percentile(0.5) for policy, told in found.items()}
    assert medians[Policy.ORACLE] == min(medians.values())
    assert all(told.landed <= sum(work.is_good for work in day) for told in found.values())
    assert all(0 < told.utilisation <= 1 for told in found.values())


def test_the_real_train_decides_every_item_of_a_day_and_breaks_no_rule() -> None:
    day = day_of(WORK.model_copy(update={"count": 25}))
    told, broken = ours.play(TRAIN, day, 0.9, WORK.fails)
    assert broken == ()
    assert (len(told.turnarounds), told.waiting) == (25, 0)
    assert told.landed <= sum(work.is_good for work in day)
    assert told.percentile(0.5) >= models.play(Policy.ORACLE, day, 3).percentile(0.5)


@pytest.mark.parametrize("seed", [9, 11])
def test_on_a_crowded_day_no_verdict_is_taken_for_one_on_other_inputs(seed: int) -> None:
    crowd = {"arrivalsPerHour": 48, "count": 16, "fails": 0.2, "conflictsMaybe": 0.4, "conflictsReally": 0.1}
    work = Workload.model_validate(crowd | {"seed": seed, "run": {"sigma": 1.0}, "foresight": 0.6})
    told, broken = ours.play(MergeTrainSpec(runs=8), day_of(work), work.foresight, work.fails)
    assert (broken, told.waiting) == ((), 0)


def test_the_train_looks_at_estimates_that_are_as_good_as_the_days_foresight() -> None:
    crowd = WORK.model_copy(update={"count": 30, "fails": 0.3, "conflicts_maybe": 0.6})
    waits = {}
    for foresight in (0.0, 1.0):
        day = day_of(crowd.model_copy(update={"foresight": foresight}))
        told, broken = ours.play(TRAIN, day, foresight, crowd.fails)
        assert broken == ()
        waits[foresight] = sum(told.turnarounds)
    # Who knows that estimates are always wrong knows as much as who knows that they are always right.
    assert waits[0.0] == waits[1.0]
    misled, _ = ours.play(TRAIN, day_of(crowd.model_copy(update={"foresight": 0.0})), 1.0 - 1e-9, crowd.fails)
    assert waits[1.0] < sum(misled.turnarounds)


def test_a_crowded_day_goes_no_slower_than_under_the_policies_that_guess() -> None:
    train = MergeTrainSpec.model_validate({"runs": 4, "batch": {"max": 4}})
    crowd = {"arrivalsPerHour": 24, "count": 40, "fails": 0.1, "conflictsMaybe": 0.5, "conflictsReally": 0.02}
    work = Workload.model_validate(crowd)
    day = day_of(work)
    told, broken = ours.play(train, day, work.foresight, work.fails)
    assert broken == ()
    for policy in (Policy.PREFIX, Policy.SINGLE):
        other = models.play(policy, day, 4, train.retries.flaky)
        assert told.percentile(0.5) <= other.percentile(0.5)
        assert told.percentile(0.95) <= other.percentile(0.95)


def test_a_model_runs_what_fails_as_often_as_the_train_does_and_the_oracle_knows_better() -> None:
    day = (Work(0, 10, is_good=False, shares=(), breaks=()),)
    for policy, runs in ((Policy.SINGLE, 2), (Policy.PREFIX, 2), (Policy.ORACLE, 1)):
        told = models.play(policy, day, 3, 1)
        assert (told.turnarounds, told.runs, told.landed) == ((10.0 * runs,), runs, 0)


def sweep(*medians: tuple[int, float]) -> Sweep:
    days = [Point(runners, {Policy.OURS: Day((median,), 1, 1, 1.0, 9.0, runners)}) for runners, median in medians]
    return Sweep(1, tuple(days), (), ())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (sweep((2, 50), (4, 22), (6, 12)), "with 4 runners your median wait is 22 min; 6 would make it 12"),
        (sweep((2, 23), (4, 22), (6, 21)), "with 4 runners your median wait is 22 min; 2 would do (23 min)"),
        (
            sweep((2, 50), (4, 22), (6, 21)),
            "with 4 runners your median wait is 22 min; more would not make it much shorter",
        ),
    ],
)
def test_the_advice_is_one_sentence(found: Sweep, said: str) -> None:
    assert advice(found, 4) == said


def test_a_workload_prints_a_table_of_policies(tmp_path: Path) -> None:
    code, out, _ = interlock(tmp_path, SPEC)
    assert code == 0
    assert out.splitlines()[0] == "story: 12 items, 6 an hour, 20% fail by themselves; 2 runners"
    assert [line.split()[0] for line in out.splitlines()[3:7]] == ["ours", "oracle", "single", "prefix"]
    median = out.splitlines()[3].split()[1]
    assert out.splitlines()[8].startswith(f"with 2 runners your median wait is {median} min; ")


def test_of_a_longer_day_the_advice_says_how_long_the_days_are_that_it_is_from(tmp_path: Path) -> None:
    long = "train: {runs: 2}\nworkload: {arrivalsPerHour: 30, count: 150}\ncompare: [prefix]\n"
    _, out, _ = interlock(tmp_path, long, "-o", "json")
    assert re.fullmatch(
        r"with 2 runners .*; 3 would make it \d+ min \(in days of 120 items\)", json.loads(out)["advice"]
    )
    _, out, _ = interlock(tmp_path, long.replace("150", "120"), "-o", "json")
    assert "items" not in json.loads(out)["advice"]


def test_the_names_of_lines_that_end_together_stand_one_below_the_other_inside_the_picture(tmp_path: Path) -> None:
    days = {policy: Day((10.0,), 1, 1, 1.0, 9.0, 2) for policy in Policy}
    drawn = page.chart((Point(2, days), Point(4, days)), "runners", as_share=False)
    names = [element for element in ElementTree.fromstring(drawn).findall("text") if element.text in tuple(Policy)]
    heights = sorted(float(element.attrib["y"]) for element in names)
    assert (
        all(below - above >= 12 for above, below in pairwise(heights)) and heights[-1] < page.HEIGHT - page.BOTTOM + 12
    )
    assert [element.text for element in ElementTree.fromstring(drawn).findall("text")[:3]] == ["0", "2", "4"]


def test_as_json_every_policy_has_its_figures(tmp_path: Path) -> None:
    code, out, _ = interlock(tmp_path, SPEC + "compare: [oracle, ours]\n", "-o", "json")
    document = json.loads(out)
    assert (code, document["name"], document["violations"]) == (0, "story", [])
    assert list(document["policies"]) == ["oracle", "ours"]
    assert {"p50", "p95", "p99", "runsPerItem", "utilisation"} <= set(document["policies"]["ours"])


def test_the_page_draws_other_days_and_loads_nothing(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    code, out, err = interlock(tmp_path, SPEC + "compare: [single, oracle]\n", "--html", str(target))
    assert (code, out.splitlines()[-1]) == (0, str(target))
    assert re.search(r"^with 2 runners your median wait is \d+ min; ", out, re.MULTILINE)
    assert "a day with 4 runners" in err
    text = target.read_text()
    assert not re.search(r"<script|src=|href=|@import|url\(", text)
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert [len(ElementTree.fromstring(picture).findall("circle")) for picture in pictures] == [10, 8]


def test_a_page_is_drawn_of_one_workload_only(tmp_path: Path) -> None:
    code, _, err = interlock(tmp_path, "entries: [{name: a}]\n", "--html", str(tmp_path / "page.html"))
    assert (code, "it draws one simulation with a `workload`, and there are 0" in err) == (2, True)


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.07, "4 s"), (1.5, "1.5 min"), (9.99, "10 min"), (22.4, "22 min"), (191, "3.2 h")]
)
def test_a_length_of_time_is_said_in_the_unit_that_fits(minutes: float, said: str) -> None:
    assert span(minutes) == said


def test_the_advice_speaks_of_seconds_where_gates_take_seconds() -> None:
    assert advice(sweep((1, 1.4), (2, 0.2), (4, 0.1)), 1) == (
        "with 1 runner your median wait is 1.4 min; 2 would make it 12 s"
    )
    assert advice(sweep((1, 1.4), (2, 0.2), (4, 0.1)), 2) == (
        "with 2 runners your median wait is 12 s; 4 would make it 6"
    )
