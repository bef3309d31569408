"""The process host on real processes, contained in both ways: what ends, what is left, and what is told."""

from __future__ import annotations

import shlex
import signal
import time
from pathlib import Path

import pytest

from orchestrator.adapters.process.job import Job, StartTrouble
from tests.contract.process.process_world import PATH, World, python, until


def test_a_program_ends_by_signals_that_its_leader_ignores(world: World) -> None:
    # As nohup does, and a script that starts the leader in its background.
    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        assert [world.sh(f"kill -{number:d} $$").signal for number in ignored] == [1, 2, 3]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_exit_codes_and_signals_are_told_apart_exactly(world: World) -> None:
    codes = [*range(0, 256, 15), 1, 2, 10, 11, 12, 126, 127, 128, 130, 137, 143]
    numbers = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM]
    by_code = {world.start("sh", "-c", f"exit {code}"): (code, None) for code in codes}
    by_number = {world.start("sh", "-c", f"kill -{number:d} $$"): (None, int(number)) for number in numbers}
    expected = {**by_code, **by_number}
    facts = {key: world.ended(key) for key in expected}
    assert {key: (fact.code, fact.signal) for key, fact in facts.items()} == expected
    assert not any(fact.timed_out or fact.stopped or fact.orphaned or fact.start_error for fact in facts.values())


def test_the_program_sees_exactly_the_environment_folder_and_input_it_was_given(world: World) -> None:
    key = world.start("sh", "-c", "pwd; env -0 | tr '\\0' '\\n' | sort; cat; tty; echo $-", stdin="line\n")
    world.ended(key)
    lines = world.log(key).splitlines()
    ours = [line for line in lines if line not in (f"OLDPWD={world.root}", "SHLVL=0", "_=/usr/bin/env")]
    assert ours == [
        str(world.root),
        f"PATH={PATH}",
        f"PWD={world.root}",
        f"TOKEN={world.token}",
        "line",
        "not a tty",
        "",
    ]


def test_a_missing_program_is_not_found_and_says_what_to_do(world: World) -> None:
    fact = world.run("no-such-program-here")
    assert fact.start_error is not None
    assert fact.start_error.kind is StartTrouble.NOT_FOUND
    assert "is not on PATH" in fact.start_error.message
    assert (fact.code, fact.signal) == (None, None)


def test_a_program_without_its_interpreter_is_not_found_and_says_so(world: World) -> None:
    script = world.root / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    fact = world.run(str(script))
    assert fact.start_error is not None
    assert fact.start_error.kind is StartTrouble.NOT_FOUND
    assert "interpreter" in fact.start_error.message


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 0\n", "exit 0\n"])
def test_a_program_that_cannot_be_executed_is_told_from_a_missing_one(world: World, content: str) -> None:
    script = world.root / "script"
    script.write_text(content)
    script.chmod(0o644 if content.startswith("#!") else 0o755)
    fact = world.run(str(script))
    assert fact.start_error is not None
    assert fact.start_error.kind is StartTrouble.NOT_EXECUTABLE


def test_a_folder_on_path_that_cannot_be_used_hides_nothing(world: World) -> None:
    (world.root / "file").write_text("no folder")
    (world.root / "locked").mkdir(mode=0o000)
    path = f"{world.root}/file:{world.root}/locked:{world.root}/absent:{PATH}"
    missing = world.run("no-such-program-here", env={"PATH": path})
    assert missing.start_error is not None
    assert missing.start_error.kind is StartTrouble.NOT_FOUND
    assert world.run("true", env={"PATH": path}).code == 0


def test_a_missing_working_folder_is_its_own_error(world: World) -> None:
    fact = world.run("true", cwd=world.root / "gone")
    assert fact.start_error is not None
    assert fact.start_error.kind is StartTrouble.NO_FOLDER


def test_too_long_an_argument_list_is_refused_in_words(world: World) -> None:
    fact = world.run("true", *["x" * 100_000] * 50)
    assert fact.start_error is not None
    assert fact.start_error.kind is StartTrouble.REFUSED


def test_a_key_is_used_once(world: World) -> None:
    job = world.job("true", key="once")
    assert world.host.start(job) is not None
    assert world.host.start(job) is None
    world.ended("once")
    assert world.host.start(job) is None


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", ".hidden", "a b", "x" * 200, "a\n"])
def test_a_key_that_is_no_safe_file_name_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not safe"):
        Job(key=key, argv=("true",), cwd=tmp_path, env={}, timeout_s=1, folder=tmp_path)


def test_over_its_time_the_tree_is_asked_and_then_killed_although_it_ignores_being_asked(world: World) -> None:
    script = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 60; sleep 60\" & sleep 60; sleep 60"
    fact = world.sh(script, timeout_s=0.3, grace_s=0.3)
    assert (fact.timed_out, fact.code, fact.signal) == (True, None, signal.SIGKILL)
    assert 0.6 <= (fact.ended_at - fact.started_at).total_seconds() < 3
    assert world.left() == []


def test_who_obeys_being_asked_chooses_its_own_exit_code(world: World) -> None:
    fact = world.sh("trap 'exit 7' TERM; sleep 60 & wait", timeout_s=0.3, grace_s=10)
    assert (fact.timed_out, fact.code, fact.signal) == (True, 7, None)


def test_stop_asks_first_and_kills_after_the_grace(world: World) -> None:
    polite = world.start("sh", "-c", "trap 'exit 4' TERM; echo up; sleep 60 & wait")
    stubborn = world.start("sh", "-c", "trap '' TERM; echo up; sleep 60; sleep 60")
    until(lambda: "up" in world.log(polite) and "up" in world.log(stubborn))
    for key in (polite, stubborn):
        world.host.stop(key, grace_s=0.3)
    facts = (world.ended(polite, within_s=5), world.ended(stubborn, within_s=5))
    assert [(fact.stopped, fact.code, fact.signal) for fact in facts] == [(True, 4, None), (True, None, 9)]


def test_a_stopped_process_is_ended_too(world: World) -> None:
    key = world.start("sh", "-c", "echo up; kill -STOP $$")
    until(lambda: "up" in world.log(key))
    world.host.stop(key, grace_s=5)
    assert world.ended(key, within_s=3).signal == signal.SIGTERM


def test_kill_now_waits_for_nobody(world: World) -> None:
    key = world.start("sh", "-c", "trap '' TERM; echo up; sleep 60; sleep 60")
    until(lambda: "up" in world.log(key))
    world.host.stop(key, grace_s=60)
    world.host.kill_now(key)
    assert world.ended(key, within_s=3).signal == signal.SIGKILL


def test_a_stop_during_the_start_ends_it_or_keeps_it_from_starting(world: World) -> None:
    keys = [world.start("sleep", "60") for _ in range(6)]
    for number, key in enumerate(keys):
        time.sleep(0.003 * number)  # real time on purpose: somewhere in the start of a real process
        world.host.stop(key, grace_s=5)
        world.host.stop(key, grace_s=5)
    facts = [world.ended(key, within_s=4) for key in keys]
    assert all(fact.stopped and fact.code is None and fact.signal in (None, signal.SIGTERM) for fact in facts)


def test_daemons_are_ended_before_the_job_counts_as_ended(world: World) -> None:
    fact = world.sh("(setsid sleep 60 &) ; (setsid sh -c 'sleep 60 & exec sleep 60' >/dev/null 2>&1 &) ; exit 5")
    assert fact.code == 5
    assert world.left() == []


def test_a_daemon_that_hides_behind_a_clean_environment_is_ended(world: World) -> None:
    fact = world.sh(f"env -i setsid sh -c 'sleep 60; : {world.token}' >/dev/null 2>&1 & sleep 0.1; exit 0")
    assert fact.code == 0
    assert world.left() == []


def test_a_background_child_that_holds_the_output_open_does_not_hang_the_job(world: World) -> None:
    key = world.start("sh", "-c", "sleep 60 & echo done")
    assert world.ended(key, within_s=3).code == 0
    assert world.log(key) == "done\n"


def test_an_outsider_that_holds_the_output_open_does_not_hang_the_job(world: World) -> None:
    key = world.start("sh", "-c", "echo $$ > pid; echo up; sleep 0.3")
    until(lambda: "up" in world.log(key))
    if world.mode == "subreaper":  # in a namespace of its own the pid means nothing to us
        with open(f"/proc/{(world.root / 'pid').read_text().strip()}/fd/1", "wb"):
            assert world.ended(key, within_s=3).code == 0
    assert world.ended(key, within_s=3).code == 0


def test_a_growing_fork_bomb_is_ended_whole(world: World) -> None:
    # Doubles until the limit, everybody in a session of its own: no process group to hit.
    bomb = "import os,time\nfor i in range(8):\n  os.fork() or os.setsid()\ntime.sleep(60)"
    key = world.start(*python(bomb))
    until(lambda: len(world.left()) > 100)
    world.host.kill_now(key)
    assert world.ended(key).signal == signal.SIGKILL
    assert world.left() == []


def test_processes_that_fork_and_exit_faster_than_one_can_look_are_ended(world: World) -> None:
    hop = (
        "import os\nfor i in range(3):\n  if os.fork()==0: break\nos.write(1,b'up')\n"
        "while True:\n  if os.fork(): os._exit(0)\n  os.setsid()\n"
    )
    key = world.start("sh", "-c", f"{shlex.join(python(hop))}; sleep 60")
    until(lambda: "up" in world.log(key))
    world.host.stop(key, grace_s=0.1)
    assert world.ended(key).survivors == 0
    assert world.left() == []


def test_thirty_jobs_at_once_all_end_as_they_should(world: World) -> None:
    begin = time.monotonic()
    keys = [world.start("sh", "-c", f"setsid sleep 60 & echo {n}; exit {n}") for n in range(30)]
    assert time.monotonic() - begin < 3
    assert [world.ended(key).code for key in keys] == list(range(30))
    assert [world.log(key) for key in keys] == [f"{n}\n" for n in range(30)]
    assert world.left() == []
