"""The process host on real processes, contained in both ways: what ends, what is left, and what is told."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.process import containment
from orchestrator.adapters.process.containment import Containment, describe, resolve
from orchestrator.adapters.process.host import ProcessHost, read_log
from orchestrator.adapters.process.job import Ended, Job, Limits, Lost, Observation, Running, Started, StartTrouble
from orchestrator.adapters.process.tree import children, look_up

MODES = ("namespace", "subreaper")
PATH = "/usr/local/bin:/usr/bin:/bin"


class World:
    """One host, its jobs, and a token in every command line by which leftovers are found."""

    def __init__(self, root: Path, mode: str) -> None:
        self.root = root
        self.mode = mode
        self.token = f"token{uuid.uuid4().hex}"
        self.host = ProcessHost(root / "records", mode)
        self.count = 0

    def job(self, *argv: str, key: str = "", timeout_s: float = 30, **rest: object) -> Job:
        self.count += 1
        key = key or f"job-{self.count}"
        folder = self.root / key
        folder.mkdir()
        settings: dict[str, object] = {"env": {"PATH": PATH, "TOKEN": self.token}, "cwd": self.root, **rest}
        return Job(key=key, argv=argv, timeout_s=timeout_s, folder=folder, **settings)  # type: ignore[arg-type]

    def start(self, *argv: str, **rest: object) -> str:
        job = self.job(*argv, **rest)  # type: ignore[arg-type]
        assert isinstance(self.host.start(job), Started)
        return job.key

    def end(self, key: str, *, within_s: float = 20) -> Observation:
        deadline = time.monotonic() + within_s
        while isinstance(found := self.host.observe(key), Running):
            assert time.monotonic() < deadline, f"{key} still runs after {within_s} s; left: {self.left()}"
            self.host.wait(0.05)
        return found

    def ended(self, key: str, *, within_s: float = 20) -> Ended:
        found = self.end(key, within_s=within_s)
        assert isinstance(found, Ended), found
        return found

    def run(self, *argv: str, **rest: object) -> Ended:
        return self.ended(self.start(*argv, **rest))

    def sh(self, script: str, **rest: object) -> Ended:
        return self.run("sh", "-c", script, **rest)

    def log(self, key: str) -> str:
        return read_log(self.root / key, 64 << 20)

    def left(self) -> list[str]:
        return left(self.token)


def left(token: str) -> list[str]:
    """Return every living process of this machine whose environment or command line holds the token."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            process = look_up(int(entry.name))
            if token.encode() in text and process is not None and process.is_alive:
                found.append(f"{entry.name} {text[-200:]!r}")
    return found


def until(said: Callable[[], object], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not said():
        assert time.monotonic() < deadline, f"did not happen within {within_s} s"
        time.sleep(0.005)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


@pytest.fixture(params=MODES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, request.param)
    yield world
    world.host.close()
    assert world.left() == []


# -- how it ended ----------------------------------------------------------------------------------------------------


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


# -- time, stop, leftovers -------------------------------------------------------------------------------------------


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


# -- output ----------------------------------------------------------------------------------------------------------


def test_a_gigabyte_of_output_costs_a_bounded_log_that_keeps_both_ends(world: World) -> None:
    script = "echo first; head -c 1000000000 /dev/zero; echo; echo last"
    key = world.start("sh", "-c", script, log_bytes_max=100_000)
    fact = world.ended(key, within_s=60)
    text = world.log(key)
    assert fact.output_bytes == 1_000_000_000 + len("first\n\nlast\n")
    assert text.startswith("first\n\0\0\0")
    assert text.endswith("\0\0\0\nlast\n")
    assert f"[... {fact.dropped_bytes} bytes of output dropped here ...]" in text
    assert len(text.replace(f"\n[... {fact.dropped_bytes} bytes of output dropped here ...]\n", "")) == 100_000
    assert fact.dropped_bytes == fact.output_bytes - 100_000


def test_the_tail_of_a_chatty_job_can_be_read_while_it_runs(world: World) -> None:
    script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo recent; sleep 60"
    key = world.start("sh", "-c", script, log_bytes_max=2000)
    until(lambda: world.log(key).endswith("recent\n"), within_s=5)
    world.host.kill_now(key)
    world.end(key)


def test_binary_output_without_a_newline_arrives_byte_for_byte(world: World) -> None:
    data = bytes(range(256)) * 300
    (world.root / "data").write_bytes(data)
    key = world.start("cat", "data")
    world.ended(key)
    assert (world.root / key / "output.log").read_bytes() == data


def test_secrets_are_masked_also_where_they_arrive_in_pieces(world: World) -> None:
    script = "printf 'a hunt'; sleep 0.1; printf 'er2 b'; sleep 0.1; echo; echo hunter2-long hunter"
    key = world.start("sh", "-c", script, masks=("hunter2", "hunter2-long", ""))
    world.ended(key)
    assert world.log(key) == "a *** b\n*** hunter\n"


def test_masking_holds_back_only_what_may_be_a_secret(world: World) -> None:
    key = world.start("sh", "-c", "printf 'at once, hun'; sleep 60", masks=("hunter2", "another-long-secret"))
    until(lambda: world.log(key) == "at once, ")
    world.host.kill_now(key)
    world.end(key)
    assert world.log(key) == "at once, hun"


def test_a_program_that_closes_its_output_runs_on(world: World) -> None:
    fact = world.sh("exec >&- 2>&-; sleep 0.3; exit 9")
    assert fact.code == 9
    assert (fact.ended_at - fact.started_at).total_seconds() >= 0.3


def test_a_file_over_the_limit_ends_its_writer_not_the_log(world: World) -> None:
    fact = world.sh("head -c 3000000 /dev/zero > big", limits=Limits(file_bytes_max=1_000_000, open_files_max=64))
    assert fact.code == 128 + signal.SIGXFSZ
    assert (world.root / "big").stat().st_size == 1_000_000


def test_a_pipeline_learns_that_its_reader_is_gone(world: World) -> None:
    # Python ignores SIGPIPE; a child that inherited that would see an error, or go on for ever.
    assert world.sh("yes | head -n 1; exit 0", timeout_s=5).code == 0


def test_nothing_of_the_keeper_is_open_in_the_job(world: World) -> None:
    key = world.start("ls", "/proc/self/fd")
    world.ended(key)
    assert world.log(key).split() == ["0", "1", "2", "3"]  # 3 is the folder ls reads


def test_a_job_that_removes_its_own_folder_is_still_seen_to_end(world: World) -> None:
    key = world.start("sh", "-c", 'rm -rf "$0"; exit 6', str(world.root / "job-1"))
    assert world.ended(key).code == 6


def test_a_job_cannot_forge_its_own_end(world: World) -> None:
    forged = '{"exit_code": 0}'
    key = world.start(
        "sh",
        "-c",
        f'echo \'{forged}\' > "$0/ended.json"; mkdir "$0/.ended.json.new"; exit 3',
        str(world.root / "job-1"),
    )
    assert world.ended(key).code == 3


def test_thirty_jobs_at_once_all_end_as_they_should(world: World) -> None:
    begin = time.monotonic()
    keys = [world.start("sh", "-c", f"setsid sleep 60 & echo {n}; exit {n}") for n in range(30)]
    assert time.monotonic() - begin < 3
    assert [world.ended(key).code for key in keys] == list(range(30))
    assert [world.log(key) for key in keys] == [f"{n}\n" for n in range(30)]
    assert world.left() == []


# -- death of the leader, of the keeper ------------------------------------------------------------------------------

LEADER = """
import sys, time
from pathlib import Path
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.adapters.process.job import Job
root, mode, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
host = ProcessHost(root / "records", mode)
for n in range(4):
    folder = root / f"old-{n}"
    folder.mkdir()
    script = "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60"
    env = {"PATH": sys.argv[4], "TOKEN": token}
    host.start(Job(f"old-{n}", ("sh", "-c", script), root, env, 60, folder, marks=("TOKEN",)))
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def dying_leader(world: World) -> Iterator[subprocess.Popen[str]]:
    """A leader in a process of its own, with four stubborn trees."""
    root = Path(__file__).resolve().parents[2]
    argv = [sys.executable, "-c", LEADER, str(world.root), world.mode, world.token, PATH]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    ) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "started\n"
        yield leader
        leader.kill()


def ready(world: World) -> bool:
    return all("up" in world.log(f"old-{n}") for n in range(4))


def test_a_second_after_the_leader_is_killed_nothing_of_its_trees_is_left(
    world: World, dying_leader: subprocess.Popen[str]
) -> None:
    until(lambda: ready(world))
    dying_leader.kill()
    dying_leader.wait()
    until(lambda: not world.left(), within_s=1)
    assert set(world.host.sweep()) == {f"old-{n}" for n in range(4)}
    fact = world.host.observe("old-0")
    assert isinstance(fact, Ended)
    assert (fact.orphaned, fact.stopped, fact.signal) == (True, False, signal.SIGKILL)


def test_a_leader_killed_while_it_starts_jobs_leaves_nothing(world: World, dying_leader: subprocess.Popen[str]) -> None:
    dying_leader.kill()
    dying_leader.wait()
    swept = world.host.sweep()
    assert set(swept) == {f"old-{n}" for n in range(4)}
    assert world.left() == []
    for key in swept:
        assert not isinstance(world.host.observe(key), Running)
        world.host.forget(key)
    assert world.host.sweep() == ()


def test_a_new_leader_ends_what_the_death_of_leader_and_keepers_left(
    world: World, dying_leader: subprocess.Popen[str]
) -> None:
    until(lambda: ready(world))
    if world.mode == "subreaper":  # the daemons are noted, or marked by their environment
        until(lambda: all((world.root / "records" / f"old-{n}.tree").exists() for n in range(4)))
    keepers = [pid for n in range(4) for pid in holders(world, f"old-{n}")]
    assert len(keepers) == 8
    for pid in (dying_leader.pid, *keepers):  # guards, keepers and leader, as the machine's out-of-memory killer might
        os.kill(pid, signal.SIGSTOP)
    for pid in (dying_leader.pid, *keepers):
        os.kill(pid, signal.SIGKILL)
    dying_leader.wait()
    assert len(world.host.sweep()) == 4
    assert world.left() == []
    assert isinstance(world.host.observe("old-1"), Lost)


def holders(world: World, key: str) -> tuple[int, int]:
    """Return the pids of a job's guard or bwrap, and of its keeper."""
    outer: int = json.loads((world.root / "records" / f"{key}.job").read_text())["pid"]
    (keeper,) = children(outer)
    return outer, keeper


def test_a_killed_keeper_means_lost_and_nothing_left(world: World) -> None:
    script = "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60"
    keys = [world.start("sh", "-c", script) for _ in range(2)]
    until(lambda: all("up" in world.log(key) for key in keys))
    for key in keys:
        os.kill(holders(world, key)[1], signal.SIGKILL)
    assert [type(world.end(key, within_s=3)) for key in keys] == [Lost, Lost]
    assert world.left() == []


def test_a_killed_guard_or_bwrap_means_lost_and_nothing_left(world: World) -> None:
    job = world.job("sh", "-c", "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60")
    started = world.host.start(job)
    assert started is not None
    until(lambda: "up" in world.log(job.key))
    os.kill(started.pid, signal.SIGKILL)
    assert isinstance(world.end(job.key, within_s=3), Lost)
    assert world.left() == []


def test_a_job_that_kills_whoever_holds_it_takes_its_own_tree_along(world: World) -> None:
    script = (
        "setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 0.7; "
        "guard=$(cut -d' ' -f4 /proc/$PPID/stat); kill -9 $PPID; [ $guard = 0 ] || kill -9 $guard; sleep 1; exit 3"
    )
    found = world.end(world.start("sh", "-c", script, marks=("TOKEN",)), within_s=5)
    # Process 1 of a PID namespace is out of its reach; a keeper without one is not, but nothing is gained by it.
    if world.mode == "namespace":
        assert isinstance(found, Ended)
        assert found.code == 3
    else:
        assert isinstance(found, Lost)
    assert world.left() == []


def test_closing_with_a_grace_lets_everybody_finish(world: World) -> None:
    polite = world.start("sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; sleep 60 & wait")
    stubborn = world.start("sh", "-c", "trap '' TERM; echo up; sleep 60; sleep 60")
    until(lambda: "up" in world.log(polite) and "up" in world.log(stubborn))
    world.host.close(grace_s=0.3)
    assert world.left() == []
    assert world.log(polite) == "up\nbye\n"


def test_a_sweep_touches_neither_this_leaders_jobs_nor_a_stranger_with_a_recycled_pid(world: World) -> None:
    mine = world.start("sleep", "60")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        record = '{"pid": %d, "start_ticks": 1, "boot_id": "%s", "folder": "/nowhere", "marks": ["TOKEN=other"]}'
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        (world.root / "records" / "old.job").write_text(record % (stranger.pid, boot))
        (world.root / "records" / "old.tree").write_text(f"{stranger.pid} 1\n")
        assert world.host.sweep() == ("old",)
        assert stranger.poll() is None
        stranger.kill()
    assert isinstance(world.host.observe(mine), Running)
    world.host.kill_now(mine)
    world.end(mine)


def test_a_record_cut_off_by_a_crash_is_swept(world: World) -> None:
    (world.root / "records" / "half.job").write_text("")
    assert world.host.sweep() == ("half",)
    assert isinstance(world.host.observe("half"), Lost)


# -- cost and words --------------------------------------------------------------------------------------------------


def test_the_keeper_imports_nothing_that_costs_time(tmp_path: Path) -> None:
    code = "import sys; sys.path.append(sys.argv[1]); import orchestrator.adapters.process.keeper; print(*sys.modules)"
    root = Path(__file__).resolve().parents[2]
    argv = [sys.executable, "-I", "-S", "-E", "-c", code, str(root)]
    loaded = set(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())
    assert loaded.isdisjoint(
        {"re", "json", "enum", "signal", "subprocess", "ctypes", "typing", "dataclasses", "pydantic"}
    )


def test_what_is_contained_is_said_in_one_sentence() -> None:
    assert describe(Containment.NAMESPACE) == "processes are contained (PID namespace); files and network are not"
    assert describe(Containment.SUBREAPER) == "processes are contained (child subreaper); files and network are not"


def test_without_namespaces_auto_falls_back_and_says_so_while_a_demand_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trouble = containment.Probe(None, "bwrap: no permission")
    monkeypatch.setattr(containment, "probe", lambda: trouble)
    assert resolve(Containment.AUTO) is Containment.SUBREAPER
    assert "no permission" in describe()
    with pytest.raises(containment.Unusable, match="no permission"):
        resolve(Containment.NAMESPACE)


def test_the_probe_finds_a_bwrap_that_works_here() -> None:
    containment.probe.cache_clear()
    assert containment.probe().bwrap is not None, containment.probe().trouble
