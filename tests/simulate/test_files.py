"""What a simulation file may say, and what is said about one that cannot be read or does not come out as expected."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from tests.simulate.play import HEAD, problems, story

EXAMPLES = Path(__file__).parent / "examples"


def said(spec: str) -> list[str]:
    return [f"{problem.line}:{problem.column}: {problem.message}" for problem in problems(spec)]


def interlock(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["simulate", *words])
    return code, out.getvalue(), err.getvalue()


def test_every_mistake_of_a_file_is_listed_at_once_with_its_place() -> None:
    found = said(
        """
        train: {runs: 0, speculation: of}
        entries:
          - {name: a, fails: {with: b}}
          - {name: a, needs: [ab], at: -1}
          - {name: base, run: .nan}
        events:
          - {at: 3}
          - {at: 3, push: q, name: t}
          - {at: 3, cancel: a, hold: a}
          - {at: 3, fix: bse}
        expect: {landed: [k], rejected: {a: GateFaild}, startd: [[a]]}
        """
    )
    assert [line.partition(": ")[0] for line in found] == [
        "6:17", "6:33", "8:31", "9:8", "9:25", "9:34", "10:8", "10:25", "12:7", "13:15", "13:24", "14:7", "15:20",
        "16:21", "16:36", "16:51",
    ]  # fmt: skip
    assert "is `bestFirst`, `prefix` or `off`, not `of` (did you mean `off`?)" in found[1]
    assert found[2].endswith("`spec.entries[0].fails.with` is a list, not `b`; write `[b]`")
    assert found[3].endswith("entry 1 is called `a` too; names are given once")
    assert "this one says `cancel` and `hold`" in found[11]
    assert "nothing is rejected with `GateFaild` (did you mean `GateFailed`?)" in found[14]


def test_who_touches_nothing_in_common_is_not_said_to_break_another() -> None:
    found = said(
        """
        entries:
          - {name: a, touches: [x]}
          - {name: b, touches: [y], fails: {with: [a, c, t]}}
          - {name: c, touches: [y, z], fails: {without: [a]}}
          - {name: d, fails: {with: [a, b]}}
          - {name: e, touches: []}
        events:
          - {at: 3, push: e, fails: {with: [d, a]}}
          - {at: 4, push: base, name: t}
        """
    )
    assert [line.partition(": ")[0] for line in found] == ["8:46", "9:52", "13:42"]
    assert "`b` and `a` have no name in `touches` in common" in found[0]


def test_a_field_that_is_wrong_hides_no_name_that_is() -> None:
    found = said(
        """
        train: {runs: many, window: {start: 9, max: 3}}
        entries:
          - {name: a, needs: [zz, B]}
          - {name: B}
          - b
          - {run: 3, needs: [r]}
        events:
          - {at: x, cancel: a}
          - {cancel: a, hold: b}
          - {at: 3, cancl: a}
          - {at: 4, priority: {z: 3, a: x}}
          - 7
        expect: {landed: [a, m], landedBy: {A: 1}, started: [[], [a, o], a]}
        """
    )
    assert [line.partition(": ")[2].partition(";")[0].partition(", such")[0] for line in found] == [
        "`spec.train.runs` is a whole number, not `many`",
        "a window has min ≤ start ≤ max, not 1 ≤ 9 ≤ 3",
        "no entry is called `zz`",
        "`spec.entries[0].needs[1]` is a name of lowercase letters, digits and `-`",
        "`spec.entries[1].name` is a name of lowercase letters, digits and `-`",
        "`spec.entries[2]` is a mapping, not `b`",
        "`spec.entries[3].name` is missing: a short name",
        "no entry is called `r`",
        "`spec.events[0].at` is a number, not `x`",
        "`spec.events[1].at` is missing: the minute",
        "an event says one of `push`, `race`, `cancel`, `approve`, `hold`, `release`, `waive`, `priority`, `lose`, "
        "`outage`, `crash` or `fix`",
        "no entry is called `b`",
        "no field in `spec.events[2]` is called `cancl` (did you mean `cancel`?)",
        "no entry is called `z`",
        "`spec.events[3].priority.a` is a whole number, not `x`",
        "`spec.events[4]` is a mapping, not `7`",
        "no entry is called `m`",
        "`spec.expect.landedBy.A` is a name of lowercase letters, digits and `-`",
        "`spec.expect.started[0]` is empty",
        "no entry is called `o`",
        "`spec.expect.started[2]` is a list, not `a`",
    ]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("{}", "`spec.entries` is missing: the pull requests, or `workload` for capacity"),
        ("entries: [{name: a, needs: [b]}, {name: b, needs: [a]}]", "can never land: a → b → a; drop a need"),
        ("entries: [{name: a}]\ncompare: [ours]", "`spec.compare` goes with `workload` only; drop it"),
        ("entries: [{name: a}]\nworkload: {arrivalsPerHour: 1}", "`spec.entries` does not go with `workload`"),
        ("workload: {arrivalsPerHour: 0}", "`spec.workload.arrivalsPerHour` is more than 0, not `0`"),
        ("entries: [{name: a}]\ntrain: {window: {start: 5, max: 4}}", "a window has min ≤ start ≤ max, not 1 ≤ 5 ≤ 4"),
        ("entries: [{name: a}]\nevents: [{at: 1, push: a, red: true}]", "`red` goes with `push: base` only; drop it"),
        ("entries: [{name: a, conflicts: [a]}]", "`a` stands in its own `conflicts`; drop it"),
    ],
)
def test_words_that_do_not_go_together_are_refused(spec: str, wanted: str) -> None:
    assert any(wanted in line for line in said(spec)), said(spec)


def test_off_is_a_word() -> None:
    result = story("train: {speculation: off, tierBarrier: off}\nentries: [{name: a, tier: strategy}, {name: b}]")
    assert result.landed == ("b", "a")


def test_a_file_that_cannot_be_read_is_exit_2_and_nothing_is_simulated(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(HEAD + "  entries: [{name: A}]\n")
    code, out, err = interlock(str(EXAMPLES / "lost-race.yaml"), str(bad), str(tmp_path / "none.yaml"))
    assert (code, out) == (2, "")
    assert f"{bad}:5:20: `spec.entries[0].name` is a name of lowercase letters" in err
    assert f"{tmp_path}/none.yaml: does not exist" in err


def test_another_kind_of_document_has_no_place_in_a_simulation_file(tmp_path: Path) -> None:
    lane = tmp_path / "lane.yaml"
    lane.write_text("apiVersion: interlock.dev/v1alpha1\nkind: Lane\nmetadata: {name: a}\nspec: {own: [src/**]}\n")
    code, _, err = interlock(str(lane))
    assert (code, "a Lane has no place here; kinds: `Simulation`" in err) == (2, True)
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing yet\n")
    assert interlock(str(empty))[0] == 2


def test_one_simulation_is_one_document_and_several_are_a_list() -> None:
    code, out, _ = interlock(str(EXAMPLES / "lost-race.yaml"), "-o", "json")
    one = json.loads(out)
    assert code == 0
    assert one["entries"]["a"] == {
        "outcome": "landed",
        "reason": "Landed",
        "at": 10,
        "runs": 2,
        "message": one["entries"]["a"]["message"],
    }
    assert one["runs"] == [
        {"members": ["a"], "base": 0, "start": 0, "end": 5, "verdict": "pass"},
        {"members": ["a"], "base": 1, "start": 5, "end": 10, "verdict": "pass"},
    ]
    assert {key: one[key] for key in ("name", "landed", "frozen", "end", "violations", "met")} == {
        "name": "lost-race", "landed": ["a"], "frozen": None, "end": 10, "violations": [], "met": True,
    }  # fmt: skip
    code, out, _ = interlock(str(EXAMPLES / "lost-race.yaml"), str(EXAMPLES / "waive.yaml"), "-o", "json")
    assert (code, [each["name"] for each in json.loads(out)["simulations"]]) == (0, ["lost-race", "waive"])


UNMET = """\
entries: [{name: a}, {name: b, fails: true}, {name: c}]
events: [{at: 1, hold: c}]
expect:
  landed: [b]
  rejected: {}
  cancelled: [a]
  held: []
  waiting: [c]
  started: [[c]]
  notStarted: [[a]]
  runsAtMost: 1
  landedBy: {a: 9, b: 9}
  frozen: RedBase
"""


def test_whatever_is_not_as_expected_is_said_and_is_exit_1(tmp_path: Path) -> None:
    result = story(UNMET)
    assert result.met is False
    assert [one.partition(":")[0] for one in result.unmet] == [
        "landed", "cancelled", "held", "waiting", "rejected", "started", "notStarted", "runsAtMost", "landedBy",
        "landedBy", "frozen",
    ]  # fmt: skip
    file = tmp_path / "unmet.yaml"
    file.write_text(HEAD + "".join(f"  {line}\n" for line in UNMET.splitlines()))
    code, out, _ = interlock(str(file))
    assert code == 1
    assert "story: not as expected (11 differences)" in out
    assert "not met: landed: expected [b], got [a]\n" in out


def test_without_expectations_nothing_is_met_or_unmet() -> None:
    assert story("entries: [{name: a}]").met is None


def test_people_see_each_entry_and_each_validation(tmp_path: Path) -> None:
    code, out, _ = interlock(str(EXAMPLES / "lost-race.yaml"))
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "lost-race: as expected"
    assert lines[3].split() == ["a", "landed", "10", "2"]
    assert lines[6].startswith("a  ███") and lines[6].endswith("0-5 pass")
    assert lines[-1] == "2 validations in 10 minutes, 100 % of 1 runner busy"
