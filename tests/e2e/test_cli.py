"""The promises of the command line to scripts: exit codes, one document on stdout, nothing half done, real git."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cli_world import LANE, ROADMAP, Shop, shop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    made = shop(tmp_path)
    made.spec("one")
    made.commit()
    return made


def no_gates(world: Shop) -> None:
    world.train(gates="[]")


def crossing_lanes(world: Shop) -> None:
    world.write("lanes/c.yaml", LANE.replace("src/{0}/**", "src/*/c.py").format("c"))
    world.write("lanes/d.yaml", LANE.replace("src/{0}/**", "src/d*/**").format("d"))


def outside_its_lane(world: Shop) -> None:
    world.spec("one", paths="src/**")


def unknown_lane(world: Shop) -> None:
    world.spec("one", lane="aa")


def unknown_need(world: Shop) -> None:
    world.spec("one", more=", dependsOn: [two]")


def a_circle(world: Shop) -> None:
    world.spec("one", more=", dependsOn: [two]")
    world.spec("two", more=", dependsOn: [one]")


def no_agent(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.partition("---")[0])


def missing_program(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.replace("[sh, agent.sh]", "[no-such-agent]"))


def missing_script(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.replace("[sh, agent.sh]", "[sh, -eu, agents/agent.sh]"))


def a_template_that_cannot_be_rendered(world: Shop) -> None:
    world.spec("one", text="Do {{ spec.sumary }}")


def a_parameter_nobody_gives(world: Shop) -> None:
    world.spec("one", more=", contract: {requiredKeys: [base, ticket]}")


def an_adapter_nobody_built(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.replace("adapter: command", "adapter: codex"))


def a_sandbox_nobody_built(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.replace("adapter: command", "adapter: command, sandbox: landlock"))


def no_base_branch(world: Shop) -> None:
    text = (world.root / "interlock.yaml").read_text()
    world.write("interlock.yaml", text.replace("base: main", "base: trunk"))


def shallow(world: Shop) -> None:
    world.commit()
    (world.root / ".git/shallow").write_text(world.git("rev-parse", "HEAD") + "\n")


REFUSALS: dict[Callable[[Shop], None], str] = {
    no_gates: "has no gates",
    crossing_lanes: "neither lies inside the other",
    outside_its_lane: "does not own",
    unknown_lane: "works in the lane `aa`",
    unknown_need: "needs `two`",
    a_circle: "can never start",
    no_agent: "nobody is named to run it",
    missing_program: "`no-such-agent` is not on PATH",
    missing_script: "`agents/agent.sh`, which `sh` is to run, is not there",
    a_template_that_cannot_be_rendered: "`spec` has no `sumary` (did you mean `summary`?)",
    a_parameter_nobody_gives: "contract.requiredKeys asks for ticket",
    an_adapter_nobody_built: "not built yet",
    a_sandbox_nobody_built: "not built yet",
    no_base_branch: "no branch `trunk`",
    shallow: "shallow clone",
}


@pytest.mark.parametrize("break_it", REFUSALS, ids=lambda function: function.__name__)
def test_what_cannot_end_well_is_refused_before_anything_is_done(world: Shop, break_it: Callable[[Shop], None]) -> None:
    break_it(world)
    done = world.ask("run", "-o", "json")
    assert done.code == 1, done.err
    assert REFUSALS[break_it] in done.err
    document = done.document
    assert document["specs"] == [] and document["train"]["entries"] == []
    assert REFUSALS[break_it] in json.dumps(document["problems"], ensure_ascii=False) + document["error"]
    assert world.ask("get", "all", "-o", "json").document["items"] == [], "nothing was applied"
    assert world.git("for-each-ref", "refs/interlock") == ""


@pytest.mark.parametrize("break_it", REFUSALS, ids=lambda function: function.__name__)
def test_doctor_fails_on_whatever_run_would_refuse(world: Shop, break_it: Callable[[Shop], None]) -> None:
    break_it(world)
    done = world.ask("doctor", "-o", "json")
    assert done.code == 1
    failed = [check for check in done.document["checks"] if check["state"] == "fail"]
    assert any(REFUSALS[break_it] in f"{check['message']}; {check['remedy']}" for check in failed), failed


def test_doctor_is_content_with_a_sound_repository(world: Shop) -> None:
    done = world.ask("doctor", "-o", "json")
    assert done.code == 0, done.out
    assert {check["name"] for check in done.document["checks"]} >= {
        "state", "documents", "repository", "gates", "lanes", "specs", "agents", "containment",
    }  # fmt: skip
    assert not (world.state / "interlock.db").exists(), "looking makes no store"


def test_doctor_refuses_a_base_whose_checkout_has_changes(world: Shop) -> None:
    world.write("src/a/here.txt", "changed\n")
    done = world.ask("doctor")
    assert done.code == 1
    assert "uncommitted changes (src/a/here.txt)" in done.out


def test_doctor_names_a_gate_whose_program_is_missing(world: Shop) -> None:
    world.train(gates="[{name: test, run: 'no-such-runner -q'}]")
    world.commit()
    done = world.ask("doctor")
    assert (done.code, "starts `no-such-runner`" in done.out) == (1, True)


def test_doctor_runs_the_gates_on_the_base_as_the_leader_would(world: Shop) -> None:
    """The work tree is not the base: what is ignored there helps no gate."""
    world.write(".gitignore", "built\n")
    world.write("built", "")
    once = world.state.parent / "once"
    world.train(
        gates="[{name: fine, run: 'test -d src'}, {name: red, run: 'echo because; test -e built'}, "
        f"{{name: toolless, run: 'cd src && no-such-tool'}}, {{name: flaky, run: 'mkdir {once} && exit 3; true'}}]"
    )
    text = (world.root / "lanes/a.yaml").read_text()
    world.write("lanes/a.yaml", text.replace("**']}", "**'], gates: [{name: also, run: 'test -d src'}]}"))
    world.commit()
    done = world.ask("doctor", "-o", "json")
    assert done.code == 1
    base = [check for check in done.document["checks"] if check["name"] == "base"]
    assert [(check["state"], check["message"].split(" on main")[0]) for check in base] == [
        ("ok", "train main: gate fine passes"),
        ("fail", "train main: gate red fails"),
        ("fail", "train main: gate toolless could not run"),
        ("warn", "train main: gate flaky is flaky"),
    ], "and a lane's gate that does the same is not run again"
    assert "because" in base[1]["output"] and "commit what makes it pass" in base[1]["remedy"]
    assert "running gate red on main" in done.err
    assert not list(world.state.glob("doctor-*")) and not (world.state / "interlock.db").exists()
    for word in ("--no-gates", "--quick"):
        quick = world.ask("doctor", word)
        assert (quick.code, "the base is red" in quick.out) == (0, False)


def test_doctor_finds_a_gate_that_reads_more_than_it_declares(world: Shop) -> None:
    world.write("Makefile", "x:\n\ttest -d src\n")
    world.train(
        gates="[{name: honest, run: 'test -d src && test ! -e $HOME/Makefile', inputs: ['src/**']}, "
        "{name: liar, run: 'make x', inputs: ['src/**']}, {name: typo, run: 'test -d src', inputs: ['scr/**']}]"
    )
    world.commit()
    done = world.ask("doctor", "-o", "json")
    assert done.code == 0, "a warning, for the gate may know better"
    said = {
        check["message"].split(" ")[3].strip(":"): check
        for check in done.document["checks"]
        if check["name"] == "inputs"
    }
    assert {name: check["state"] for name, check in said.items()} == {"honest": "ok", "liar": "warn", "typo": "warn"}
    assert "match no file of main" in said["typo"]["message"]
    assert "it reads more" in said["liar"]["message"] and "add what it reads" in said["liar"]["remedy"]


def test_init_and_doctor_say_what_git_refuses_in_somebody_elses_folder(
    world: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for verb in ("init", "doctor"):
        done = world.ask(verb)
        assert done.code == 1
        assert "files belong to another user" in done.out + done.err
        assert f"git config --global --add safe.directory {world.root}" in done.out + done.err


def test_a_template_is_refused_on_its_line_of_the_file_by_apply_and_run_alike(world: Shop) -> None:
    world.write(
        "specs/one.yaml",
        "apiVersion: interlock.dev/v1alpha1\nkind: ImplementationSpec\nmetadata: {name: one}\nspec:\n"
        "  summary: Do one\n  lane: a\n  paths: [src/a/**]\n  text: |\n    Fine.\n    {{ nobody }}\n",
    )
    for verb in (("run",), ("apply", "-f", "specs", "-f", "interlock.yaml", "-f", "lanes")):
        done = world.ask(*verb)
        assert done.code == 1
        assert "specs/one.yaml:10:1: spec `one`: text, line 2: `nobody` is undefined" in done.err


def test_doctor_outside_a_repository_says_so(tmp_path: Path, world: Shop) -> None:
    done = world.ask("doctor", "--repo", str(tmp_path), "-o", "json")
    assert done.code == 1
    assert done.document["checks"][0]["state"] == "fail"


MISTAKES = """\
apiVersion: interlock.dev/v1alpha1
kind: ImplementationSpec
metadata: {name: one}
spec: {summary: x, lane: a, pathes: [src/a/**], priority: high}
"""


@pytest.mark.parametrize("verb", [("run",), ("apply", "-f", "specs")], ids=lambda words: words[0])
def test_every_mistake_of_every_file_is_listed_at_once_and_nothing_is_done(world: Shop, verb: tuple[str, ...]) -> None:
    world.write("specs/one.yaml", MISTAKES)
    world.write("specs/two.yaml", "kind: Spec\n")
    done = world.ask(*verb)
    assert done.code == 2
    assert done.out == ""
    for place in ("specs/one.yaml:4:29: ", "specs/one.yaml:4:", "specs/two.yaml:1:"):
        assert place in done.err, done.err
    assert "did you mean `paths`" in done.err
    assert "nothing was done" in done.err
    assert not (world.state / "interlock.db").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status",), 0),
        (("get", "specs"), 0),
        (("get", "spec", "one"), 1),
        (("get", "nonsense"), 2),
        (("describe", "spec", "one"), 1),
        (("explain", "one"), 1),
        (("logs", "one"), 1),
        (("events",), 0),
        (("cancel", "one"), 1),
        (("delete", "spec", "one"), 1),
        (("delete", "spec", "one", "--ignore-not-found"), 0),
        (("apply", "-f", "nowhere.yaml"), 2),
        (("plan",), 2),
        (("plan", "nowhere.md"), 2),
        (("lanes", "check"), 0),
        (("lanes", "explain", "../x"), 2),
        (("lanes", "overlap", "a/**", "b/**"), 0),
        (("lanes", "overlap", "a/**", "a/b"), 1),
        (("lanes", "overlap", "a[", "a"), 2),
        (("run", "-f", "nowhere.yaml"), 2),
        (("status", "--state", "."), 2),
        (("status", "--state", "agent.sh/below"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_exit_codes_tell_no_from_misuse(world: Shop, words: tuple[str, ...], code: int) -> None:
    done = world.ask(*words)
    assert done.code == code, done.err
    assert code == 0 or done.err or done.out
    assert "Traceback" not in done.err


MACHINE = [
    ("status",), ("get", "all"), ("get", "spec", "nobody"), ("explain", "nobody"), ("events",), ("cancel", "nobody"),
    ("lanes", "check"), ("lanes", "explain", "src/a/here.txt"), ("lanes", "coverage"), ("lanes", "overlap", "a", "a"),
    ("plan", "nowhere.md"), ("apply", "-f", "lanes"), ("apply", "-f", "nowhere.yaml"), ("doctor",), ("init",),
    ("describe", "spec", "nobody"), ("delete", "spec", "nobody"), ("doctor", "--quick"),
    ("run", "-f", "nowhere.yaml"), ("run", "--state", "."), ("status", "--repo", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize("words", MACHINE, ids=lambda words: " ".join(words))
def test_with_json_stdout_is_one_document_whatever_happens(world: Shop, words: tuple[str, ...]) -> None:
    assert world.ask(*words, "-o", "json").document


def test_objects_live_as_kubectl_users_expect(world: Shop) -> None:
    files = ("-f", "interlock.yaml", "-f", "lanes", "-f", "specs")
    first, second = world.ask("apply", *files), world.ask("apply", *files)
    assert "implementationspec.interlock.dev/one created" in first.out
    assert {line.rpartition(" ")[2] for line in second.out.splitlines()} == {"unchanged"}
    world.spec("one", "write 1 a")
    assert "implementationspec.interlock.dev/one configured" in world.ask("apply", *files).out
    assert world.ask("get", "spec", "one", "-o", "json").document["spec"]["text"] == "write 1 a"
    assert world.ask("get", "specs", "-o", "name").out == "implementationspec.interlock.dev/one\n"
    assert world.ask("get", "specs", "-l", "team=x").out == ""
    assert world.ask("get", "specs/one", "-o", "yaml").out.startswith("apiVersion: interlock.dev/v1alpha1\n")
    assert "kind: ImplementationSpec" in world.ask("describe", "spec", "one").out
    described = world.ask("describe", "spec", "one", "-o", "json").document
    assert (described["metadata"]["name"], described["events"]) == ("one", [])
    used = world.ask("delete", "lane", "a")
    assert (used.code, "`one` work in it" in used.err) == (1, True)
    assert world.ask("delete", "-f", "specs").code == 0
    gone = world.ask("delete", "lane", "a", "-o", "json").document
    assert [each["metadata"]["name"] for each in gone["items"]] == ["a"]
    assert world.ask("delete", "lane", "b").out == "lane.interlock.dev/b deleted\n"


def test_a_word_that_was_said_is_never_changed_or_removed(world: Shop) -> None:
    world.ask("apply", "-f", "interlock.yaml", "-f", "lanes", "-f", "specs")
    said = world.ask("hold", "one", "--reason", "wait", "-o", "json").document
    name = said["metadata"]["name"]
    assert name.startswith("hold-")
    kept = world.ask("delete", "decision", name)
    assert (kept.code, "a Decision is a record" in kept.err) == (1, True)
    forged = {**said, "metadata": {"name": name}, "spec": {**said["spec"], "verb": "cancel"}}
    world.write("word.json", json.dumps(forged))
    assert world.ask("apply", "-f", "word.json").code == 1
    forged = {**forged, "metadata": {"generateName": "hold-"}, "spec": {**said["spec"], "actor": "the-president"}}
    world.write("word.json", json.dumps(forged))
    assert world.ask("apply", "-f", "word.json", "-o", "json").code == 0
    actors = {d["spec"]["actor"] for d in world.ask("get", "decisions", "-o", "json").document["items"]}
    assert actors == {said["spec"]["actor"]}, "whoever applies it has said it"


def test_init_writes_what_lanes_check_and_doctor_accept(tmp_path: Path) -> None:
    world = shop(tmp_path)
    for path in ("interlock.yaml", "lanes/a.yaml", "lanes/b.yaml"):
        (world.root / path).unlink()
    world.write(
        "tests/test_a.py",
        "import unittest\n\n\nclass Test(unittest.TestCase):\n    def test(self):\n        pass\n",
    )
    world.write("docs/index.md", "# Docs\n")
    world.write("uv.lock", "")
    world.write("pyproject.toml", "")
    world.commit()
    done = world.ask("init", "--agent", "sh agent.sh", "-o", "json")
    assert done.code == 0, done.err
    assert done.document["decisions"] == []
    assert [gate["run"] for gate in done.document["gates"]] == ["python3 -m unittest discover -s tests"]
    assert {lane["name"] for lane in done.document["lanes"]} == {"docs", "src", "tests", "root"}
    world.commit()
    assert world.ask("lanes", "check").code == 0
    assert world.ask("lanes", "coverage", "-o", "json").document["coverage"] == 1.0
    explained = world.ask("lanes", "explain", "src/AGENTS.md", "-o", "json").document
    assert (explained["class"], explained["owner"]) == ("protected", "src")
    assert world.ask("lanes", "explain", "uv.lock", "-o", "json").document["class"] == "generated"
    assert world.ask("doctor").code == 0
    before = {path: path.read_text() for path in (world.root / "lanes").iterdir()}
    again = world.ask("init")
    assert (again.code, "already there; nothing was written" in again.err) == (1, True)
    assert {path: path.read_text() for path in (world.root / "lanes").iterdir()} == before


def test_init_without_an_agent_or_tests_says_what_a_person_must_decide(tmp_path: Path) -> None:
    root = tmp_path / "bare"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    world = Shop(root.resolve(), tmp_path / "state")
    world.write("README.md", "hello")
    world.commit()
    path = os.environ["PATH"]
    os.environ["PATH"] = "/usr/bin:/bin"
    try:
        done = world.ask("init")
    finally:
        os.environ["PATH"] = path
    assert done.code == 0
    assert "to decide: interlock.yaml: name a gate" in done.err
    assert "to decide: interlock.yaml: name the program that does the work" in done.err
    assert world.ask("doctor").code == 1


def test_init_never_writes_through_a_link(tmp_path: Path) -> None:
    world = shop(tmp_path)
    (world.root / "interlock.yaml").unlink()
    (tmp_path / "elsewhere").write_text("mine")
    (world.root / "interlock.yaml").symlink_to(tmp_path / "elsewhere")
    assert world.ask("init", "--force").code == 1
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_folder_for_all_that_is_in_it_is_refused_with_the_pattern_that_was_meant(world: Shop) -> None:
    world.spec("one", paths="src/a")
    done = world.ask("doctor")
    assert (done.code, "write `src/a/**`" in done.out) == (1, True)


def test_what_cannot_be_read_hides_nothing_that_is_wrong_with_the_rest(world: Shop) -> None:
    world.write("plan.md", ROADMAP.replace("Needs: first", "Needs: fisrt"))
    done = world.ask("plan", "plan.md", "nowhere.md", "--out", "new", "-o", "json")
    assert done.code == 2
    assert [(p["path"], p["code"]) for p in done.document["problems"]] == [
        ("nowhere.md", "NotFound"),
        ("plan.md", "UnknownNeed"),
    ]
    assert [i["name"] for i in done.document["items"]] == ["first", "second"] and "error" in done.document
    assert not (world.root / "new").exists()
    world.write(
        "lanes/a.yaml", "apiVersion: interlock.dev/v1alpha1\nkind: Lane\nmetadata: {name: a}\nspec: {owns: []}\n"
    )
    world.write("plan.md", ROADMAP.replace("Acceptance: it works", "Tier: urgent"))
    done = world.ask("plan", "plan.md")
    assert done.code == 2
    assert "lanes/a.yaml:4" in done.err and "a tier is" in done.err
    assert "which is not defined" not in done.err, "a lane that cannot be read is not one that is not there"


def test_a_plan_with_errors_writes_nothing(world: Shop) -> None:
    world.write("plan.md", ROADMAP.replace("Lane: b", "Lane: c"))
    done = world.ask("plan", "plan.md", "--out", "new", "-o", "json")
    assert done.code == 1
    assert [p["line"] for p in done.document["problems"]] == [12]
    assert not (world.root / "new").exists()


def test_the_template_is_a_roadmap(world: Shop) -> None:
    world.write("plan.md", world.ask("plan", "--template").out)
    assert world.ask("plan", "plan.md", "-o", "json").document["items"]


def test_a_folder_below_the_repository_is_as_good_as_its_top(world: Shop) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "doctor", "-o", "json", "--state", str(world.state)],
        cwd=world.root / "src/a", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(world: Shop) -> None:
    script = f"{sys.executable} -m orchestrator plan --template | true"
    done = subprocess.run(["sh", "-c", script], cwd=world.root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_console_script_is_the_module(world: Shop) -> None:
    script = Path(sys.executable).parent / "interlock"
    for argv in ([str(script)], [sys.executable, "-m", "orchestrator"]):
        done = subprocess.run([*argv, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("interlock ")


def test_a_state_folder_that_cannot_be_used_is_one_clear_line(world: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = world.ask("status", "--state", str(tmp_path / "file"))
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert "--state" in done.err


def test_a_landed_item_is_history_and_no_longer_checked(world: Shop) -> None:
    assert world.ask("run").code == 0
    world.spec("one", paths="src/**")
    world.spec("two", lane="b")
    world.commit()
    assert world.ask("run").code == 0


def test_a_disk_that_is_nearly_full_is_seen_before_it_is_full(world: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.cli.doctor.DISK_WARN", 1 << 62)
    assert world.ask("doctor").code == 0
    monkeypatch.setattr("orchestrator.cli.doctor.DISK_FAIL", 1 << 61)
    done = world.ask("doctor")
    assert (done.code, "the disk is nearly full" in done.out) == (1, True)


def test_status_says_when_nobody_is_at_work(world: Shop) -> None:
    world.ask("apply", "-f", "interlock.yaml", "-f", "lanes", "-f", "specs")
    assert "no leader is at work" in world.ask("status").err
