"""Agents run by the runner protocol as real processes: what they are told, what they may say, what they may break."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.adapters.process.gates import ProcessGates
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.adapters.process.job import Job
from orchestrator.errors import Refused, Transient
from orchestrator.model.condition import Reason
from orchestrator.model.facts import AgentState, Diff
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentResult, Budget, ScopeRequest, Usage
from orchestrator.ports import RunOrder
from tests.e2e.process_world import ENVIRON, LIMITS, Agents, git, until


@pytest.fixture(params=["namespace", "subreaper"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Agents]:
    """A runtime in each way of containing processes."""
    agents = Agents(tmp_path, request.param)
    yield agents
    agents.host.close()


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    """A runtime as this machine does it by itself."""
    agents = Agents(tmp_path, "auto")
    yield agents
    agents.host.close()


# -- what an agent is told -------------------------------------------------------------------------------------------


def test_an_agent_is_told_everything_the_protocol_names_and_nothing_else(agents: Agents) -> None:
    agents.run('env -0 > "$INTERLOCK_DIR/env"; pwd > "$INTERLOCK_DIR/cwd"; ls -A > "$INTERLOCK_DIR/ls"')
    inside = agents.folder() / "interlock"
    assert json.loads((inside / "run.json").read_text()) == {
        "protocol": "interlock.dev/runner/v1",
        "run": "item-1",
        "attempt": 1,
        "spec": {
            "metadata": {"name": "item"},
            "name": "item",
            "summary": "An item",
            "paths": ["src/**"],
            "text": "Do {{ spec.summary }}.",
        },
        "scope": {"paths": ["src/**"], "shared": ["config.py"], "generated": []},
        "repository": ".",
        "base": agents.base,
        "head": "interlock/item",
        "limits": {"timeout_s": 30.0, "tokens": None, "cost_usd": None},
        "evidence": [],
    }
    assert (inside / "prompt.md").read_text() == "Do it.\n"
    workspace = Path((inside / "cwd").read_text().strip())
    assert workspace == agents.folder() / "workspace"
    assert not inside.is_relative_to(workspace)
    assert (inside / "ls").read_text().split() == [".git", "kept.txt", "src"]
    seen = dict(entry.split("=", 1) for entry in (inside / "env").read_text().split("\0") if entry)
    shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert set(seen) - shell == {
        "PATH", "HOME", "TMPDIR", "LANG", "INTERLOCK_DIR",
        "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
    }  # fmt: skip
    assert seen["PATH"] == ENVIRON["PATH"]
    assert {seen["HOME"], seen["TMPDIR"]} == {str(agents.folder() / "home"), str(agents.folder() / "tmp")}


def test_only_allowed_names_pass_and_none_of_them_replaces_what_is_private(agents: Agents) -> None:
    agents.run('echo "$COLOR|$API_TOKEN|$ABSENT|$HOME"', env={"allow": ["COLOR", "HOME", "ABSENT"]})
    assert agents.log() == f"blue|||{agents.folder() / 'home'}\n"


def test_an_allowed_secret_reaches_the_agent_but_not_the_log(agents: Agents) -> None:
    script = (
        'printf %s "$API_TOKEN" | wc -c; echo "it is $API_TOKEN"; '
        'echo "{\\"summary\\": \\"$API_TOKEN\\"}" > "$INTERLOCK_DIR/result.json"'
    )
    agents.run(script, env={"allow": ["API_TOKEN"]})
    assert agents.log().split() == ["12", "it", "is", "***"]
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert found.result == AgentResult(summary="***")
    assert "***" in found.log_tail


def test_evidence_and_limits_are_told(agents: Agents) -> None:
    order = agents.order("true", limits={"tokens": 500})
    evidence = (Evidence(gate="unit", result="fail", output="1 failed"),)
    budget = Budget(tokens=900, cost_usd=Decimal("1.50"))
    spec = order.run.spec.model_copy(update={"evidence": evidence, "budget": budget})
    run = order.run.model_copy(update={"spec": spec})
    agents.runtime.start(RunOrder(run, order.spec, order.provider))
    agents.end()
    told = json.loads((agents.folder() / "interlock" / "run.json").read_text())
    assert told["evidence"] == [{"gate": "unit", "result": "fail", "output": "1 failed"}]
    assert told["limits"] == {"timeout_s": 30.0, "tokens": 500, "cost_usd": 1.5}


# -- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 10, 11, 12, 75, 126, 127, 137])
def test_an_exit_code_arrives_as_it_is(agents: Agents, code: int) -> None:
    fact = agents.run(f"exit {code}")
    assert (fact.state, fact.code, fact.signal, fact.timed_out) == (AgentState.ENDED, code, None, False)
    assert fact.started_at is not None
    assert fact.ended_at is not None
    assert (fact.failed_start, fact.infra) == ("", "")


def test_a_signal_is_no_exit_code(either: Agents) -> None:
    fact = either.run("kill -9 $$")
    assert (fact.code, fact.signal) == (None, signal.SIGKILL)


def test_over_the_time_limit_is_said_whatever_the_agent_exits_with(either: Agents) -> None:
    fact = either.run("trap 'exit 0' TERM; sleep 60 & wait", timeout="300ms")
    assert (fact.timed_out, fact.code) == (True, 0)


def test_a_stopped_agent_that_exits_with_success_was_still_interrupted(either: Agents) -> None:
    either.runtime.start(either.order("trap 'exit 0' TERM; echo up; sleep 60 & wait"))
    until(lambda: "up" in either.log())
    either.runtime.stop("item-1")
    fact = either.end(within_s=5)
    assert (fact.code, fact.signal, fact.timed_out) == (None, signal.SIGTERM, False)


def test_a_missing_program_is_the_providers_mistake_in_words(agents: Agents) -> None:
    fact = agents.run("", command=("no-such-agent", "--fast"))
    assert "'no-such-agent' is not on PATH" in fact.failed_start
    assert (fact.code, fact.infra) == (None, "")


def test_a_vanished_keeper_is_infrastructure(either: Agents) -> None:
    order = either.order("echo up; sleep 60")
    either.runtime.start(order)
    until(lambda: "up" in either.log())
    started = json.loads((either.root / "records" / "agent.item-1.job").read_text())
    os.kill(started["pid"], signal.SIGKILL)
    fact = either.end(within_s=5)
    assert (fact.state, fact.code) == (AgentState.LOST, None)
    assert "killed" in fact.infra


def test_a_second_start_of_a_known_run_does_nothing(agents: Agents) -> None:
    for _ in range(2):
        agents.runtime.start(agents.order("echo once"))
    agents.end()
    agents.runtime.start(agents.order("echo again"))
    assert agents.end().code == 0
    assert agents.log() == "once\n"


def test_unknown_runs_can_be_stopped_and_discarded(agents: Agents) -> None:
    agents.runtime.stop("nobody-1")
    agents.runtime.discard("nobody-1")
    assert agents.runtime.observe() == {}
    assert agents.runtime.log_path("nobody-1") is None


@pytest.mark.parametrize("mode", ["bubblewrap", "landlock"])
def test_a_sandbox_that_is_not_built_is_refused_in_plain_words(agents: Agents, mode: str) -> None:
    with pytest.raises(Refused, match=r"not built yet.*processes are contained"):
        agents.runtime.start(agents.order("true", sandbox=mode))
    assert agents.runtime.observe() == {}


def test_a_run_name_that_leaves_the_folder_is_refused(agents: Agents) -> None:
    with pytest.raises(Refused):
        agents.runtime.discard("../../etc")


def test_a_state_folder_that_cannot_be_written_is_transient_and_leaves_nothing_known(agents: Agents) -> None:
    (agents.root / "runs").write_text("in the way")
    with pytest.raises(Transient, match="item-1"):
        agents.runtime.start(agents.order("true"))
    assert agents.runtime.observe() == {}


# -- what it leaves --------------------------------------------------------------------------------------------------


def test_work_words_and_log_are_collected_again_and_again(agents: Agents) -> None:
    script = (
        "echo 'b = 2' > src/b.py; git add -A; git commit -qm 'Add b'; echo 'c = 3' > src/c.py; echo done\n"
        'echo \'{"summary": "Added b", "usage": {"input_tokens": 7, "cost_usd": 0.25}, "model": "m", "mood": 1}\' '
        '> "$INTERLOCK_DIR/result.json"; '
        'echo \'{"paths": ["docs/**"], "reason": "needs docs"}\' > "$INTERLOCK_DIR/scope-request.json"; exit 11'
    )
    assert agents.run(script).code == 11
    run = agents.order("").run
    found = agents.runtime.collect(run, LIMITS)
    assert found == agents.runtime.collect(run, LIMITS)
    assert [change.path for change in found.diff.changes] == ["src/b.py", "src/c.py"]
    assert found.head == git(agents.root / "origin", "rev-parse", "refs/interlock/runs/item-1")
    assert found.result == AgentResult(
        summary="Added b", usage=Usage(input_tokens=7, cost_usd=Decimal("0.25")), model="m"
    )
    assert found.scope_request == ScopeRequest(paths=("docs/**",), reason="needs docs")
    assert (found.message, found.trouble, found.log_tail.strip()) == ("", None, "done")


HOSTILE = {
    "link": ("ln -s /etc/passwd result.json", "symbolic link"),
    "fifo": ("mkfifo result.json", "not a regular file"),
    "folder": ("mkdir result.json", "not a regular file"),
    "huge": ("truncate -s 1G result.json", "1073741824 bytes"),
    "no json": ("echo 'Traceback' > result.json", "ignored"),
    "no object": ("echo '[1]' > result.json", "not a JSON object"),
    "bytes": ("printf '\\377\\376' > result.json", "ignored"),
    "deep": ("head -c 200000 /dev/zero | tr '\\0' '[' > result.json", "ignored"),
    "refund": ('echo \'{"usage": {"cost_usd": -5}}\' > result.json', "no amount of money"),
    "negative tokens": ('echo \'{"usage": {"input_tokens": -5}}\' > result.json', "tokens"),
    "too many digits": ('echo "{\\"usage\\": {\\"input_tokens\\": 1$(printf %05000d 0)}}" > result.json', "ignored"),
    "no number": ('echo \'{"usage": {"cost_usd": NaN}}\' > result.json', "ignored"),
    "wrong type": ('echo \'{"summary": {"a": 1}}\' > result.json', "summary is not text"),
    "replaced folder": ('mv "$INTERLOCK_DIR" ../gone; ln -s /etc "$INTERLOCK_DIR"', "not a folder"),
    "removed folder": ('rm -rf "$INTERLOCK_DIR"', "cannot be opened"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_result_is_a_remark_and_the_work_is_kept(agents: Agents, case: str) -> None:
    script, remark = HOSTILE[case]
    agents.run(f'echo x > src/x.py; cd "$INTERLOCK_DIR"; {script}')
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert found.result is None
    assert remark in found.message
    assert remark in found.log_tail
    assert [change.path for change in found.diff.changes] == ["src/x.py"]


@pytest.mark.parametrize(
    "request_text",
    ["{}", '{"paths": []}', '{"paths": "src"}', '{"paths": [1]}', '{"paths": [""]}', '{"paths": ["a\\u001b[2J"]}'],
)
def test_a_scope_request_that_asks_for_nothing_readable_is_none(agents: Agents, request_text: str) -> None:
    agents.run(f"cat > \"$INTERLOCK_DIR/scope-request.json\" <<'EOF'\n{request_text}\nEOF\nexit 11")
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert found.scope_request is None
    assert "scope-request.json was ignored" in found.message


def test_words_are_cut_and_cleaned_before_anybody_reads_them(agents: Agents) -> None:
    long = "x" * 300_000
    (agents.root / "result").write_text(json.dumps({"summary": f"\x1b[31mred\x1b[0m {long}", "model": "m\x07"}))
    agents.run(f'cp {agents.root}/result "$INTERLOCK_DIR/result.json"; printf "\\033[1mloud\\007"')
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert found.result is not None
    assert found.result.summary.startswith("red xxx")
    assert len(found.result.summary) == 262_144
    assert (found.result.model, found.log_tail.strip()) == ("m", "loud")


def test_a_running_agent_is_neither_collected_nor_discarded(agents: Agents) -> None:
    order = agents.order("sleep 60")
    agents.runtime.start(order)
    with pytest.raises(Transient, match="has not ended"):
        agents.runtime.collect(order.run, LIMITS)
    with pytest.raises(Transient, match="is being ended"):
        agents.runtime.discard("item-1")
    agents.end(within_s=3)
    agents.runtime.discard("item-1")
    assert agents.runtime.observe() == {}


def test_only_the_log_is_left_of_a_discarded_run(agents: Agents) -> None:
    agents.run(
        "echo said; cd ..; mkdir -p tmp/locked/in; chmod 000 tmp/locked; ln -s / home/root; "
        'python3 -c \'import os\nos.chdir("tmp")\nfor _ in range(1200): os.mkdir("d"); os.chdir("d")\''
    )
    agents.runtime.discard("item-1")
    assert sorted(path.name for path in agents.folder().iterdir()) == ["job"]
    assert agents.log() == "said\n"
    assert Path("/root").is_dir()


def test_a_run_folder_replaced_by_a_link_costs_nobody_their_files(agents: Agents) -> None:
    victim = agents.root / "victim"
    for name in ("workspace", "home", "tmp", "interlock"):
        (victim / name).mkdir(parents=True)
        (victim / name / "precious").write_text("kept")
    agents.run(f"cd /; mv {agents.folder()} {agents.root}/moved; ln -s {victim} {agents.folder()}")
    agents.runtime.discard("item-1")
    assert sorted(str(path.relative_to(victim)) for path in victim.rglob("precious")) == [
        "home/precious", "interlock/precious", "tmp/precious", "workspace/precious",
    ]  # fmt: skip


def test_a_link_planted_where_a_run_will_be_is_not_followed(agents: Agents) -> None:
    victim = agents.root / "victim"
    (victim / "home").mkdir(parents=True)
    (victim / "home" / "precious").write_text("kept")
    agents.folder().parent.mkdir()
    agents.folder().symlink_to(victim)
    assert agents.run("true").code == 0
    assert (victim / "home" / "precious").exists()
    assert not agents.folder().is_symlink()


# -- a new leader ----------------------------------------------------------------------------------------------------


def test_a_new_leader_collects_from_disk_what_a_dead_ones_agent_left(either: Agents) -> None:
    order = either.order("echo 'n = 1' > src/new.py; echo up; sleep 60")
    either.runtime.start(order)
    until(lambda: "up" in either.log())
    either.host.close()  # to the agent this is the leader's death
    either.runtime = either.successor()
    assert either.runtime.sweep() == ["item-1"]
    assert either.runtime.observe() == {}
    found = either.runtime.collect(order.run, LIMITS)
    assert [change.path for change in found.diff.changes] == ["src/new.py"]
    assert found.descends
    either.runtime.discard("item-1")
    assert either.runtime.sweep() == []
    assert either.run("exit 3").code == 3


WRECKED = {
    "no .git": "rm -rf .git",
    "gone": 'cd /; rm -rf "$OLDPWD"',
    "a link": 'here=$(pwd); cd /; mv "$here" "$here.moved"; ln -s /etc "$here"',
    "a file": 'here=$(pwd); cd /; rm -rf "$here"; echo x > "$here"',
    "a fifo for HEAD": "rm .git/HEAD; mkfifo .git/HEAD",
    "garbage for HEAD": "head -c 100000 /dev/urandom > .git/HEAD",
}


@pytest.mark.parametrize("case", WRECKED)
def test_a_wrecked_workspace_is_said_and_can_be_discarded(agents: Agents, case: str) -> None:
    agents.run(WRECKED[case])
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert found.trouble is Reason.WORKSPACE_BROKEN
    assert found.message
    assert found.head is not None or found.diff == Diff(())
    agents.runtime.discard("item-1")
    assert sorted(path.name for path in agents.folder().iterdir() if path.name != "workspace.moved") == ["job"]


def test_a_folder_nobody_may_enter_hides_no_work_and_stops_no_clean_up(agents: Agents) -> None:
    agents.run("echo x > src/x.py; mkdir shut; echo y > shut/y; chmod 000 shut; chmod 000 .")
    found = agents.runtime.collect(agents.order("").run, LIMITS)
    assert "src/x.py" in [change.path for change in found.diff.changes]
    agents.runtime.discard("item-1")
    assert [path.name for path in agents.folder().iterdir()] == ["job"]


def test_agents_and_gates_may_share_a_host(agents: Agents) -> None:
    agents.runtime.start(agents.order("sleep 60"))
    agents.host.close()
    agents.runtime = agents.successor()
    gates = ProcessGates(agents.host, agents.workspaces, folder=agents.root / "gates", environ=ENVIRON)
    assert (gates.sweep(), agents.runtime.sweep(), agents.runtime.sweep()) == ([], ["item-1"], [])


def test_the_machine_at_fault_is_not_the_agents(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: ProcessHost, job: Job) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ProcessHost, "start", full)
    with pytest.raises(Transient, match="No space left"):
        agents.runtime.start(agents.order("true"))
    monkeypatch.undo()
    assert agents.run("exit 0").code == 0
