"""A plan's files and the people who edit them: nothing of theirs is lost, nothing of the roadmap's is missed."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.cli_world import ROADMAP, Shop, shop


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    made = shop(tmp_path)
    made.spec("one")
    made.commit()
    return made


def test_a_plan_becomes_files_that_are_never_overwritten_by_accident(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    shown = world.ask("plan", "plan.md", "-o", "json").document
    assert [(i["name"], i["wave"], i["tier"], i["missing"]) for i in shown["items"]] == [
        ("first", 1, "execution", []), ("second", 2, "execution", []),
    ]  # fmt: skip
    assert world.ask("plan", "plan.md", "--check").code == 1
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    assert world.ask("plan", "plan.md", "--check").code == 0
    world.write("plan.md", "An introduction.\n\n" + ROADMAP)
    assert world.ask("plan", "plan.md", "--check").code == 0, "a moved line is no difference"
    world.write("plan.md", ROADMAP.partition("### second")[0])
    gone = world.ask("plan", "plan.md", "--check")
    assert (gone.code, "specs/second.yaml: its item is no longer in the roadmap" in gone.err) == (1, True)
    assert (world.root / "specs/second.yaml").exists()
    assert world.ask("plan", "plan.md", "--out", "specs", "--prune").code == 0
    assert not (world.root / "specs/second.yaml").exists(), "nobody had edited it"
    assert world.ask("plan", "plan.md", "--check").code == 0


def test_a_plan_takes_no_word_from_a_person(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    text = (world.root / "specs/first.yaml").read_text()
    mine = text.replace("First thing", "My own words # mine").replace(
        "    - it works", "    - it works\n    - and well"
    )
    assert mine != text
    world.write("specs/first.yaml", mine)
    assert world.ask("plan", "plan.md", "--check").code == 0, "to edit a draft is what it is for"
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    assert (world.root / "specs/first.yaml").read_text() == mine
    # The roadmap changes beside the person's words: both are in the file.
    world.write("plan.md", ROADMAP.replace("Paths: src/a/**", "Paths: src/a/one, src/a/two", 1))
    behind = world.ask("plan", "plan.md", "--check")
    assert (behind.code, "+    - src/a/two" in behind.err) == (1, True)
    assert (world.root / "specs/first.yaml").read_text() == mine, "a check writes nothing"
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    both = (world.root / "specs/first.yaml").read_text()
    assert all(word in both for word in ("My own words # mine", "- and well", "- src/a/one", "- src/a/two"))
    assert "src/a/**" not in both
    # The roadmap changes the very word the person changed: theirs stays, and they are told once.
    world.write("plan.md", ROADMAP.replace("First thing", "The first thing"))
    clash = world.ask("plan", "plan.md", "--out", "specs")
    assert (clash.code, 'kept a person\'s "My own words"; the roadmap says "The first thing"' in clash.err) == (1, True)
    assert "My own words # mine" in (world.root / "specs/first.yaml").read_text()
    assert world.ask("plan", "plan.md", "--check").code == 0
    assert world.ask("plan", "plan.md", "--out", "specs", "--force").code == 0
    assert "summary: The first thing" in (world.root / "specs/first.yaml").read_text()


def test_a_file_that_is_no_spec_is_left_alone_and_named(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    world.write("new/first.yaml", "notes: [\n")
    done = world.ask("plan", "plan.md", "--out", "new")
    assert (done.code, "new/first.yaml: left alone" in done.err) == (1, True)
    assert (world.root / "new/first.yaml").read_text() == "notes: [\n"
    assert (world.root / "new/second.yaml").exists(), "what can be written is"


def test_an_item_that_says_too_little_becomes_a_draft_for_a_person_to_complete(world: Shop) -> None:
    world.write("plan.md", ROADMAP + "\n### third: Without a lane\n\n- Objective: Be noticed.\n- Paths: src/a/c\n")
    done = world.ask("plan", "plan.md", "--out", "specs")
    assert (done.code, "specs/third.yaml: to complete: acceptanceCriteria, validation, lane" in done.err) == (0, True)
    draft = (world.root / "specs/third.yaml").read_text()
    assert draft.startswith("# Drafted by `interlock plan`. Before it can run, a person has to say:\n")
    assert "#   lane: the lane whose files it writes\n" in draft
    assert world.ask("plan", "plan.md", "--check").code == 1
    world.write(
        "specs/third.yaml", draft + "  lane: a\n  acceptanceCriteria: [seen]\n  validation: [{name: t, run: 'true'}]\n"
    )
    assert world.ask("plan", "plan.md", "--check").code == 1, "the head of the draft still asks for what is there"
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    assert (world.root / "specs/third.yaml").read_text().startswith("apiVersion:")
    assert world.ask("plan", "plan.md", "--check").code == 0
    # Drafts of one roadmap are no mistake in the plan of another.
    world.write("specs/third.yaml", draft)
    world.write("other.md", "### fourth: After it\n\n- Lane: b\n- Paths: src/b/d\n- Needs: third\n")
    assert world.ask("plan", "other.md").code == 0
    # A run does start nothing beside a draft: what it lacks might have to land first.
    assert world.ask("run").code == 2


def test_a_second_roadmap_never_takes_a_file_that_another_one_still_fills(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    before = (world.root / "specs/first.yaml").read_text()
    other = "### first: Something else\n\n- Lane: b\n- Paths: src/b/e\n\n"
    world.write("other.md", other + "### fifth: Its own\n\n- Lane: b\n- Paths: src/b/f\n")
    taken = world.ask("plan", "other.md", "--out", "specs")
    assert (taken.code, "specs/first.yaml: `first` is an item of plan.md, too" in taken.err) == (1, True)
    assert (world.root / "specs/first.yaml").read_text() == before
    assert (world.root / "specs/fifth.yaml").exists(), "what can be written is"
    assert world.ask("plan", "other.md", "--check").code == 1
    assert world.ask("plan", "plan.md", "--check").code == 0, "the plan's own record was left alone, too"
    # A roadmap that was renamed brings its items along.
    (world.root / "other.md").unlink()
    (world.root / "plan.md").rename(world.root / "roadmap.md")
    assert world.ask("plan", "roadmap.md", "--out", "specs").code == 0
    assert "path: roadmap.md" in (world.root / "specs/first.yaml").read_text()


def test_a_draft_that_a_person_renamed_moved_or_kept_stops_no_plan(world: Shop) -> None:
    little = "## Phase 1\n- [ ] Cache of tokens\n- [ ] Parser of numbers\n"
    world.write("plan.md", little)
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    draft = world.root / "specs/cache-tokens.yaml"
    draft.write_text(draft.read_text() + "  objective: Tokens are cached.\n")
    # The item has another name now, and the edited draft of the old one is no longer the plan's.
    world.write("plan.md", little.replace("Cache", "Store"))
    for _ in range(2):
        pruned = world.ask("plan", "plan.md", "--out", "specs", "--prune")
        assert (pruned.code, "specs/cache-tokens.yaml: its item is no longer" in pruned.err) == (0, True)
    assert world.ask("plan", "plan.md", "--out", "elsewhere").code == 0, "nor a plan for another folder"
    # Below the folder it is the same draft, and is kept up to date there.
    below = world.root / "specs/phase-1/parser-numbers.yaml"
    below.parent.mkdir()
    (world.root / "specs/parser-numbers.yaml").rename(below)
    world.write("plan.md", "## Phase 1\n- [ ] Parser of numbers\n  - Lane: a\n")
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    assert not (world.root / "specs/parser-numbers.yaml").exists()
    assert "lane: a" in below.read_text()


def test_a_draft_that_nobody_can_read_is_overwritten_only_by_force(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    torn = "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n"
    world.write("specs/first.yaml", torn)
    refused = world.ask("plan", "plan.md", "--out", "specs")
    assert (refused.code, "specs/first.yaml:1:1" in refused.err) == (2, True)
    assert (world.root / "specs/first.yaml").read_text() == torn
    assert world.ask("plan", "plan.md", "--out", "specs", "--force").code == 0
    assert "name: first" in (world.root / "specs/first.yaml").read_text()


def test_a_draft_lists_the_files_that_its_item_mentions(world: Shop) -> None:
    world.write("plan.md", "## Phase 1\n- [ ] Tidy the loader (`src/a/load.py`, told in `docs/load.md`)\n")
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    head = "#   paths: the files it may write (the roadmap mentions src/a/load.py, docs/load.md)\n"
    place = world.root / "specs/tidy-loader.yaml"
    assert head in place.read_text()
    assert world.ask("plan", "plan.md", "--out", "specs").err.startswith("1 file unchanged\n")
    place.write_text(place.read_text() + "  paths: [src/a/load.py]\n")
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    assert "mentions" not in place.read_text()


def test_an_incomplete_plan_is_no_error_but_does_not_pass_the_check(world: Shop) -> None:
    world.write("plan.md", ROADMAP.replace("- Acceptance: it works\n", ""))
    assert world.ask("plan", "plan.md", "--out", "specs").code == 0
    done = world.ask("plan", "plan.md", "--check")
    assert (done.code, "2 drafts of 2 to complete" in done.err) == (1, True)


def test_a_watched_plan_follows_every_save_and_survives_mistakes(world: Shop) -> None:
    world.write("plan.md", ROADMAP)
    argv = [sys.executable, "-m", "orchestrator", "plan", "plan.md", "--watch", "--out", "specs"]
    heard: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(
        argv, cwd=world.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stderr is not None
        listener = threading.Thread(target=lambda: [heard.put(line) for line in watcher.stderr or ()])
        listener.start()

        def until(word: str) -> None:
            while word not in heard.get(timeout=30):
                pass

        until("watching")
        world.write("plan.md", ROADMAP.replace("First thing", "First words"))
        until("+  summary: First words")
        until("watching")
        world.write("plan.md", ROADMAP.replace("Lane: b", "Lane: nowhere"))
        until("nothing was written")
        until("watching")
        world.write("lanes/a.yaml", "kind: [")
        until("interlock: plan:")
        until("watching")
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(timeout=30) == 2, "the last plan could not be read"
        listener.join()
    assert "First words" in (world.root / "specs/first.yaml").read_text()
