"""Agents that misbehave, each refused or contained with a reason of its own, while a good neighbour lands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World

WRITE = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, retries={"attempts": 1})
    made.spec("good", lane="b")
    yield made
    assert made.phase("good") == "Landed", "the others go on"
    assert made.git("status", "--porcelain") == ""
    assert made.git("fsck", "--connectivity-only", "--no-dangling") == ""
    made.prove()


def test_a_gigabyte_of_output_and_of_file_stay_outside(world: World) -> None:
    world.provider(limits={"logBytes": 65536, "fileBytes": 64 << 20})
    world.spec("shouts", f"{WRITE}yes 'all work and no play' | head -c 1073741824\n")
    world.spec("binary", f"{WRITE}head -c 3000000 /dev/urandom; printf '\\033[31m\\000\\377'\n")
    world.spec("file", f'{WRITE}trap "" XFSZ; head -c 1073741824 /dev/zero > $PLACE/huge || true\n')
    world.lead()
    assert world.phase("shouts") == "Landed", "noise is no reason"
    assert world.phase("binary") == "Landed"
    for name in ("shouts-1", "binary-1"):
        log = world.state / "runs" / name / "job" / "output.log"
        assert log.stat().st_size < 200_000, name
    assert world.phase("file").startswith("Stalled/"), world.story()
    assert world.item("file").status.reason in ("PolicyDenied", "AgentError")
    count = sum(file.stat().st_size for file in (world.root / ".git").rglob("*") if file.is_file())
    assert count < 30 << 20, "the large file never entered the repository"


def test_children_and_deaf_processes_end_with_the_agent(world: World) -> None:
    world.provider(limits={"timeout": "3s"})
    world.spec("forks", f"{WRITE}sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; sleep 0.1\n")
    world.spec("deaf", f"{WRITE}trap '' TERM INT HUP; while true; do sleep 1; done\n")
    world.spec("stopped", f"{WRITE}kill -STOP $$\n")
    with world.leader() as leader:
        world.go_on(leader)
        assert not world.processes(of_leader=False), "they end with the agent, not with the leader"
    assert world.phase("forks") == "Landed"
    assert world.phase("deaf") == world.phase("stopped") == "Stalled/AgentError"
    assert "time limit" in world.item("deaf").status.message


def test_a_destroyed_repository_is_said_to_be_and_nothing_comes_of_it(world: World) -> None:
    world.spec("deletes", f"{WRITE}rm -rf .git\n")
    world.spec("empties", f"{WRITE}rm -rf .git; git init -q .\n")
    world.spec("garbles", f"{WRITE}find .git -type f -exec sh -c 'echo rubbish > $0' {{}} \\;\n")
    world.spec("links", f"{WRITE}rm -rf .git; ln -s '{world.root}/.git' .git\n")
    world.spec("removes", "cd ..; rm -rf workspace; ln -s / workspace\n")
    before = world.git("rev-parse", "main")
    world.lead()
    said = {"deletes": ".git is gone", "empties": "without a commit", "garbles": "rubbish", "links": "not a folder"}
    for name, words in {**said, "removes": "folder is gone"}.items():
        assert world.phase(name) == "Stalled/AgentError", world.story()
        assert words in world.item(name).status.message
    for name in said:
        assert f"src/a/{name}/done.txt" in world.files(f"refs/interlock/runs/{name}-1"), "its files are kept"
    assert world.git("merge-base", "--is-ancestor", before, "main") == ""
    assert Path("/etc/passwd").exists()


def test_paths_that_leave_are_denied_each_with_its_reason(world: World) -> None:
    world.commit({"src/b/theirs.txt": "b\n", "src/a/renames/mine.txt": "a\n"})
    world.spec("absolute", f"{WRITE}ln -s /etc/passwd $PLACE/link\n")
    world.spec("climbs", f"{WRITE}ln -s ../../../../outside $PLACE/link\n")
    world.spec("renames", "git mv src/b/theirs.txt src/a/renames/stolen.txt\n")
    world.spec(
        "gives",
        f"{WRITE}git mv src/a/renames/mine.txt src/b/given.txt\n",
        paths=["src/a/renames/mine.txt", "src/a/gives/**"],
    )
    world.spec("linked-folder", "mkdir -p src/a; ln -s ../b src/a/linked-folder; echo x > src/a/linked-folder/x\n")
    world.lead()
    said = {
        name: world.item(name).status.message for name in ("absolute", "climbs", "renames", "gives", "linked-folder")
    }
    assert world.phase("absolute") == world.phase("climbs") == "Stalled/PolicyDenied", world.story()
    assert "leaves the tree" in said["absolute"] and "leaves the tree" in said["climbs"]
    assert world.phase("renames") == world.phase("gives") == "Stalled/ScopeViolation"
    assert "src/b/theirs.txt" in said["renames"]
    assert "src/b/given.txt" in said["gives"]
    assert world.phase("linked-folder") == "Stalled/ScopeViolation"
    assert {"src/b/theirs.txt", "src/a/renames/mine.txt"} <= world.files()
    for name in said:
        assert f"src/a/{name}/done.txt" not in world.files()
        assert world.item(name).status.pull_request is None, "nothing of it is proposed"


def test_what_git_itself_would_act_on_is_not_landed_by_a_swarm(world: World) -> None:
    module = "git init -q $PLACE/module; git -C $PLACE/module commit -q --allow-empty -m x; git add $PLACE\n"
    world.spec("module", f"{WRITE}{module}")
    world.spec("attributes", f"{WRITE}echo '* filter=evil' > $PLACE/.gitattributes\n")
    world.spec("hook", f"{WRITE}mkdir -p $PLACE/.githooks; echo x > $PLACE/.githooks/pre-commit\n")
    world.lead()
    assert world.phase("module") == "Stalled/PolicyDenied", world.story()
    assert "submodule" in world.item("module").status.message
    for name in ("attributes", "hook"):
        assert world.phase(name) == "Proposed/WaitingForApproval", "only with a named person"
    assert not any(".git" in path or "module" in path for path in world.files())


def test_a_change_of_modes_alone_is_a_change_and_lands(world: World) -> None:
    world.commit({"src/a/modes/tool.sh": "true\n"})
    world.spec("modes", "chmod +x src/a/modes/tool.sh\n")
    world.lead()
    assert world.phase("modes") == "Landed"
    assert world.git("ls-tree", "main", "src/a/modes/tool.sh").startswith("100755")
    assert os.access(world.root / "src/a/modes/tool.sh", os.X_OK)


def test_other_branches_rewritten_history_and_a_moved_base_change_nothing(world: World) -> None:
    world.spec("elsewhere", f"git checkout -q -b mine; {WRITE}git add -A; git commit -q -m mine\n")
    world.spec("aside", f"git checkout -q -b aside; {WRITE}git add -A; git commit -q -m x; git checkout -q -\n")
    world.spec("rewrites", f"git checkout -q --orphan new; {WRITE}git add -A; git commit -q -m 'a new history'\n")
    world.spec(
        "moves-base",
        f"{WRITE}git add -A; git commit -q -m x; git branch -f main HEAD; git update-ref refs/heads/main HEAD\n"
        "git fetch -q . +HEAD:refs/remotes/origin/main\n",
    )
    before = world.git("rev-parse", "main")
    world.lead()
    assert world.phase("elsewhere") == world.phase("moves-base") == "Landed", "HEAD is what counts"
    assert world.phase("aside") == world.phase("rewrites") == "Stalled/AgentError", world.story()
    assert "the commits are on aside" in world.item("aside").status.message
    assert world.runs("rewrites")[0].status.reason == "HistoryRewritten"
    history = world.git("log", "--first-parent", "--format=%s", f"{before}..main").splitlines()
    assert len(history) == len(world.landed()), "only the train writes the base"


def test_a_change_that_breaks_the_gates_own_program_stalls_its_item_alone(world: World) -> None:
    world.commit({"Makefile": "check:\n\ttest -d src\n"})
    world.lane("a", own=["src/a/**", "Makefile"])
    world.train(gates=[{"name": "test", "run": "make check"}], retries={"attempts": 1})
    world.spec(
        "breaks",
        f"{WRITE}printf 'check:\\n\\tno-such-tool\\n' > Makefile\n",
        paths=["Makefile", "src/a/breaks/**"],
        priority=3,
    )
    world.spec("empties", f"{WRITE}: > Makefile\n", paths=["Makefile", "src/a/empties/**"], priority=2)
    world.lead()
    for name in ("breaks", "empties"):
        assert world.phase(name) == "Stalled/GateCouldNotRun", world.story()
    assert world.frozen() is None
    assert "no-such-tool" not in world.text("Makefile")


def test_no_setting_of_the_agents_clone_runs_a_command_in_the_harness(world: World) -> None:
    trap = world.agents / "trapped"
    armed = world.agents / "armed"
    lure = f"touch '{trap}'; cat"
    script = (
        f"{WRITE}printf '#!/bin/sh\\n{lure}\\n' > .git/lure; chmod +x .git/lure\n"
        "mkdir -p .git/hooks .git/info\n"
        "for hook in post-checkout pre-commit post-commit reference-transaction post-index-change\n"
        "do cp .git/lure .git/hooks/$hook; done\n"
        "lure=$PWD/.git/lure\n"
        "for key in core.fsmonitor core.sshCommand core.pager core.editor diff.external filter.evil.clean "
        "filter.evil.smudge filter.evil.process diff.evil.textconv merge.evil.driver uploadpack.packObjectsHook "
        'gpg.program core.alternateRefsCommand; do git config $key "$lure"; done\n'
        "git status > /dev/null 2>&1 || true\n"
        "git config filter.evil.required true; git config core.hooksPath .git/hooks\n"
        "git config commit.gpgsign true; echo '* filter=evil diff=evil merge=evil' > .git/info/attributes\n"
        "printf '[core]\\n\\tfsmonitor = %s\\n' \"$lure\" >> .git/config.worktree\n"
        f"git config extensions.worktreeConfig true; git config core.worktree /; mv '{trap}' '{armed}'\n"
    )
    world.spec("lures", script)
    world.lead()
    assert armed.exists(), "any other git would have been caught"
    assert not trap.exists(), "the harness ran something an agent had set up"
    assert world.phase("lures") == "Landed", world.story()
