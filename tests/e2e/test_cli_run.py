"""`interlock run` as people and scripts see it: real processes, exit codes, streams, signals, decisions."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.cli.output import without_escapes
from tests.e2e.cli_world import Shop, on_terminal, shop


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Shop]:
    made = shop(tmp_path)
    yield made
    made.end()


def until(happened: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait for a process to get somewhere; it tells nobody."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def phases(world: Shop) -> dict[str, str]:
    return {spec["name"]: spec["phase"] for spec in world.ask("status", "-o", "json").document["specs"]}


def agents(world: Shop) -> list[str]:
    """Return the command lines of processes that work below the state folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str((folder / "cwd").readlink()).startswith(str(world.state)):
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_run_lands_everything_and_says_so_on_the_right_streams(world: Shop) -> None:
    world.spec("one")
    world.spec("two", lane="b")
    world.commit()
    done = world.type("run", "-o", "json")
    assert done.code == 0, done.err
    assert {spec["name"]: spec["phase"] for spec in done.document["specs"]} == {"one": "Landed", "two": "Landed"}
    assert re.search(r"^\d\d:\d\d:\d\d  one  Running ", done.err, re.MULTILINE), "plain lines where nobody watches"
    assert "containment: " in done.err
    assert "\x1b" not in done.err
    assert "all 2 items landed" in done.err
    assert world.git("status", "--porcelain") == ""
    assert (world.root / "src/a/added.txt").exists(), "the checkout of the base moved along"
    again = world.type("run")
    assert again.code == 0
    assert "unchanged" in again.err
    assert "one" in again.out and "2 landed" in again.out


def test_what_only_a_person_can_change_ends_the_run_with_who_must_do_what(world: Shop) -> None:
    world.train(approvals="{execution: 1}", retries="{attempts: 1}")
    world.spec("fine")
    world.spec("hopeless", "fail", lane="b")
    world.commit()
    done = world.ask("run")
    assert done.code == 1
    assert "2 of 2 items not landed; only a person can change anything now:" in done.err
    assert "fine: a person has to approve its head" in done.err
    assert "hopeless: its agents keep failing" in done.err
    explained = world.ask("explain", "fine", "-o", "json").document
    assert explained["reason"] == "WaitingForApproval"
    assert any(step["command"].startswith("interlock approve fine") for step in explained["next"])
    assert explained["ends"].startswith("when people have approved exactly this head (1 more)")
    assert (explained["entry"]["place"], explained["eta"]) == (None, None), "beside the line, until a person speaks"
    told = world.ask("explain", "fine", "--log").out
    assert "place     beside the line of train main: others of its tier pass it" in told
    decided = world.ask("explain", "fine", "--log", "-o", "json").document["log"]
    assert [step["what"] for step in decided][:2] == ["applied", "waits"]
    assert {"run", "proposed"} <= {step["what"] for step in decided}
    assert decided == sorted(decided, key=lambda step: step["at"])
    assert "asked: fail" in world.ask("logs", "hopeless").out

    moved = world.ask("approve", "fine", "--head", "0" * 40)
    assert (moved.code, "look at what was pushed" in moved.err) == (1, True)
    approved = world.ask("approve", "fine", "--reason", "read it", "-o", "json")
    assert approved.code == 0
    word = approved.document["spec"]
    assert (word["verb"], word["subject"], word["reason"]) == ("approve", "fine", "read it")
    head = world.ask("status", "-o", "json").document["specs"]
    assert word["head"] == next(spec["pullRequest"]["head"] for spec in head if spec["name"] == "fine")
    assert word["actor"]

    assert world.ask("cancel", "hopeless", "--reason", "not needed").code == 0
    after = world.ask("run", "-o", "json")
    assert after.code == 1, "a cancelled item has not landed"
    assert phases(world) == {"fine": "Landed", "hopeless": "Cancelled"}
    refused = world.ask("cancel", "fine")
    assert (refused.code, "that is final" in refused.err) == (1, True)
    assert world.ask("approve", "fien").err.startswith("interlock: there is no spec `fien` (did you mean `fine`?)")


def test_what_the_files_no_longer_say_is_cancelled_and_taken_up_again_when_they_do(world: Shop) -> None:
    world.spec("stays")
    world.spec("goes", lane="b")
    world.commit()
    assert world.ask("apply", "-f", "interlock.yaml", "-f", "lanes", "-f", "specs").code == 0
    assert world.ask("hold", "goes", "--reason", "not yet").code == 0
    first = world.ask("run")
    assert first.code == 1
    assert "goes: whoever holds it has to release it" in first.err

    text = (world.root / "specs/goes.yaml").read_text()
    (world.root / "specs/goes.yaml").unlink()
    second = world.ask("run", "-o", "json")
    assert second.code == 0, "what was dropped is not waited for: " + second.err
    assert "cancelled goes: no file defines it any more" in second.err
    assert [spec["name"] for spec in second.document["specs"]] == ["stays"]
    assert phases(world)["goes"] == "Cancelled"
    assert world.ask("run").code == 0
    verbs = [d["spec"]["verb"] for d in world.ask("get", "decisions", "-o", "json").document["items"]]
    assert sorted(verbs) == ["cancel", "hold"], "it is said once"

    world.write("specs/goes.yaml", text)
    assert world.ask("release", "goes").code == 0
    assert world.ask("run").code == 0
    assert phases(world) == {"stays": "Landed", "goes": "Landed"}


def test_a_wish_for_files_is_answered_by_a_person(world: Shop) -> None:
    world.spec("curious", "ask")
    world.commit()
    assert world.ask("grant", "curious").code == 1, "there is nothing to answer yet"
    first = world.ask("run")
    assert first.code == 1
    assert "curious: a person has to answer the agent's request for more files" in first.err
    explained = world.ask("explain", "curious").out
    assert "src/b/wanted.txt: the other half is there" in explained
    assert "interlock grant curious" in explained
    assert world.ask("grant", "curious", "--reason", "fair enough").code == 0
    second = world.ask("run")
    assert second.code == 0, second.err
    assert (world.root / "src/b/wanted.txt").exists()
    words = [
        (event["reason"], event["actor"]) for event in world.ask("events", "curious", "-o", "json").document["events"]
    ]
    assert any(reason == "GrantScope" and actor != "leader" for reason, actor in words)


def test_a_failed_safety_item_holds_what_follows_until_a_person_waives_it(world: Shop) -> None:
    world.train(retries="{attempts: 1}")
    world.spec("guard", "fail", more=", tier: safety")
    world.spec("later", lane="b")
    world.commit()
    first = world.ask("run")
    assert first.code == 1
    assert phases(world) == {"guard": "Stalled", "later": "Proposed"}
    explained = world.ask("explain", "later", "-o", "json").document
    assert (explained["reason"], [w["name"] for w in explained["waitingFor"]]) == ("WaitingForTier", ["guard"])
    assert "interlock waive guard --reason" in world.ask("explain", "guard").out
    assert world.ask("waive", "guard", "--reason", "done by hand").code == 0
    assert world.ask("run").code == 1, "the guard itself has not landed"
    guard = next(s for s in world.ask("status", "-o", "json").document["specs"] if s["name"] == "guard")
    assert re.match(r"waived by .+: done by hand; ", guard["message"]), guard
    assert phases(world) == {"guard": "Stalled", "later": "Landed"}


def test_an_interrupted_run_ends_its_agents_keeps_the_work_and_says_how_to_go_on(world: Shop) -> None:
    world.spec("slow", "write 60 a")
    world.commit()
    run = world.start("run", "--jobs", "2")
    until(lambda: any("sleep" in line for line in agents(world)))

    other = world.type("run")
    assert (other.code, "another leader" in other.err) == (1, True), "two leaders never share a state"
    assert phases(world) == {"slow": "Running"}, "looking is never locked out"
    assert "No leader" not in world.ask("priority", "slow", "3").err

    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 1
    assert "stopped as asked: 1 of 1 item not landed, all work is kept" in err
    assert "go on with: interlock run --jobs 2" in err
    assert "Traceback" not in err
    assert "slow" in out
    assert agents(world) == []
    left = world.ask("status", "-o", "json").document["specs"][0]
    assert (left["phase"], left["reason"]) == ("Waiting", "LeaderDied"), "nothing runs without a leader"
    assert "interlock run" in left["message"]
    assert world.ask("explain", "slow", "-o", "json").document["phase"] == "Waiting"
    assert "No leader is at work" in world.ask("priority", "slow", "4").err

    world.spec("slow", "write 0 a")
    world.commit()
    done = world.ask("run", "-o", "json")
    assert done.code == 0, done.err
    assert done.document["specs"][0]["attempts"] <= 1, "an interruption spends no attempt"


def test_a_second_signal_ends_the_run_at_once(world: Shop) -> None:
    world.spec("slow", "write 60 a")
    world.commit()
    run = world.start("run")
    until(lambda: any("sleep" in line for line in agents(world)))
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGINT)
    began = time.monotonic()
    run.communicate(timeout=20)
    assert run.returncode in (1, 130), "130, or 1 if it was done before the second came"
    assert time.monotonic() - began < 10
    until(lambda: agents(world) == [])


def test_following_a_log_ends_quietly_on_ctrl_c(world: Shop) -> None:
    world.spec("slow", "write 60 a")
    world.commit()
    run = world.start("run", "--timeout", "4s")
    until(lambda: any("sleep" in line for line in agents(world)))
    logs = world.start("logs", "slow", "-f")
    assert logs.stdout is not None
    assert logs.stdout.readline() == "asked: write 60 a\n"
    logs.send_signal(signal.SIGINT)
    assert (logs.communicate(timeout=10)[1], logs.returncode) == ("", 130)
    _, err = run.communicate(timeout=20)
    assert run.returncode == 1
    assert "stopped after --timeout 4s" in err
    after = world.ask("logs", "slow", "-f")
    assert after.out == "asked: write 60 a\n", f"a run dies with its leader: {after.err}"


def test_who_waits_for_the_lock_can_leave_the_queue_or_follow(world: Shop) -> None:
    world.spec("slow", "write 60 a")
    world.commit()
    first = world.start("run")
    until(lambda: any("sleep" in line for line in agents(world)))
    impatient, patient = world.start("run", "--wait"), world.start("run", "--wait", "--timeout", "1s")
    unheard = world.start("run", "--wait", in_background=True)
    for process in (impatient, patient, unheard):
        assert process.stderr is not None
        assert process.stderr.readline() == "another leader is at work here; waiting for its end\n"
    impatient.send_signal(signal.SIGINT)
    unheard.send_signal(signal.SIGINT)
    for process in (impatient, unheard):
        assert (process.communicate(timeout=30)[1], process.returncode) == ("", 130)
    first.send_signal(signal.SIGINT)
    assert first.communicate(timeout=30) and first.returncode == 1
    _, err = patient.communicate(timeout=30)
    assert patient.returncode == 1
    assert "Traceback" not in err
    assert "stopped after --timeout 1s" in err


def test_one_pass_does_what_can_be_done_and_waits_for_nobody(world: Shop) -> None:
    world.train(approvals="{execution: 1}")
    world.spec("one")
    world.commit()
    done = world.ask("run", "--once", "-o", "json")
    assert done.code == 1
    assert done.document["specs"][0]["phase"] == "Proposed"
    assert "this was one pass" in done.err


def test_on_a_terminal_the_run_redraws_in_place_and_leaves_a_clean_screen(world: Shop) -> None:
    world.spec("one", "write 2 a")
    world.commit()
    code, text = on_terminal(world, "run")
    assert code == 0
    assert "\x1b[?25l" in text and text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is given back"
    frames = [without_escapes(frame) for frame in text.split("\x1b[?2026h")[1:]]
    assert any("▸ one" in frame and "asked: write 2 a" in frame for frame in frames), "the agent's last words"
    assert [line for frame in frames for line in frame.splitlines() if len(line) > 80] == []
    rest = without_escapes(text.rpartition("\x1b[?25h")[2])
    assert "all 1 item landed" in rest
    assert "NAME" in rest


def test_ctrl_c_on_a_terminal_stops_the_run_cleanly(world: Shop) -> None:
    world.spec("slow", "write 60 a")
    world.commit()
    code, text = on_terminal(world, "run", once_seen="asked: write", then="\x03")
    assert code == 1
    assert "all work is kept" in text
    assert "Traceback" not in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert agents(world) == []
