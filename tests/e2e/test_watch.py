"""`interlock status --watch` beside a real leader: on a terminal, piped, and to the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.output import without_escapes
from tests.e2e.cli_world import Shop, on_terminal, shop


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Shop]:
    made = shop(tmp_path)
    yield made
    made.end()


def test_piped_it_follows_another_leader_line_by_line_until_all_has_landed(world: Shop) -> None:
    world.spec("one", "write 1 a")
    world.spec("two", lane="b")
    world.commit()
    # Nothing is applied and nobody leads yet: it waits for a leader to come.
    watching = world.start("status", "--until-done")
    leader = world.start("run")
    out, err = watching.communicate(timeout=60)
    assert leader.wait(60) == 0
    assert watching.returncode == 0, err
    lines = [line[10:].split() for line in out.splitlines()]
    assert ["one", "Landed"] in [line[:2] for line in lines]
    assert ["two", "Landed"] in [line[:2] for line in lines]
    assert ["one", "Running"] in [line[:2] for line in lines]
    assert "nothing is open any more" in err
    assert "\x1b" not in out


def test_it_ends_with_1_where_something_stalled(world: Shop) -> None:
    world.spec("one", "fail")
    world.commit()
    world.type("run")
    done = world.type("status", "--until-done")
    assert (done.code, "Stalled" in done.out) == (1, True)


def test_it_ends_with_1_when_the_leader_has_gone(world: Shop) -> None:
    world.spec("one", "write 60 a")
    world.commit()
    leader = world.start("run", "--timeout", "3s")
    watching = world.start("status", "--watch", "--until-done")
    out, err = watching.communicate(timeout=60)
    assert leader.wait(60) == 1
    assert watching.returncode == 1
    assert "no leader is at work" in err
    assert "one" in out


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", 0)])
def test_on_a_terminal_a_key_ends_it_and_the_terminal_is_as_it_was(world: Shop, key: str, code: int) -> None:
    world.spec("one")
    world.commit()
    world.type("run")
    ended, text = on_terminal(world, "status", "--watch", once_seen="one", then=key)
    assert ended == code, text
    shown = without_escapes(text)
    assert "no leader is at work" in shown
    assert "train main → main" in shown
    assert "Traceback" not in shown
    # The cursor is back, and nothing of the board is left to scroll past.
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_it_does_not_go_together_with_a_document(world: Shop) -> None:
    done = world.type("status", "--watch", "-o", "json")
    assert done.code == 2
    assert "--watch" in done.err
