"""Watches the run from outside, as a person at a second terminal would: keeps `explain` of one wait while it waits, and
gives the guard's agent its cue once the others' pull requests are open.

Reads through the same commands as everybody. It runs in a thread of its own because the leader has the foreground.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from orchestrator.cli.demo import cast
from orchestrator.cli.demo.account import Item, Wait, items
from orchestrator.cli.demo.commands import answer, document
from orchestrator.cli.demo.staging import Stage
from orchestrator.errors import InterlockError
from orchestrator.model.condition import Phase, Reason

LOOK_EVERY_S = 0.4


class Prompter(AbstractContextManager["Prompter"]):
    """Looks while the `with` block runs. `wait` is what it recorded."""

    def __init__(self, stage: Stage) -> None:
        self.wait: Wait | None = None
        self._stage = stage
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="demo-prompter", daemon=True)

    def __enter__(self) -> Prompter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _look_on(self) -> None:
        is_cued = False
        while not self._is_over.wait(LOOK_EVERY_S):
            try:
                seen = items(document("status"))
            except InterlockError:
                continue  # the store is not there yet
            if is_waiting(seen):
                # Again and again: the last look is the one after the longest wait.
                self.wait = _record() or self.wait
            if not is_cued and is_ready_for_the_guard(seen):
                self._stage.give_cue()
                is_cued = True


def is_waiting(seen: Mapping[str, Item]) -> bool:
    """Return whether the second of the two overlapping items waits for the first one's files right now."""
    item = seen.get(cast.MEMBERS)
    return item is not None and item.phase == Phase.WAITING and item.reason == Reason.WAITING_FOR_CLAIM


def is_ready_for_the_guard(seen: Mapping[str, Item]) -> bool:
    """Return whether everybody who can be ahead of the guard has an open pull request."""
    return all(name in seen and seen[name].pull is not None for name in cast.BEFORE_THE_GUARD)


def _record() -> Wait | None:
    """Return the explanation as it is now; None if the wait has just turned into another one."""
    text = io.StringIO()
    answer("explain", cast.MEMBERS, stdout=text)
    said: Mapping[str, Any] = document("explain", cast.MEMBERS)
    if said["reason"] != Reason.WAITING_FOR_CLAIM or Reason.WAITING_FOR_CLAIM not in text.getvalue():
        return None
    names = tuple(wait["name"] for wait in said["waitingFor"])
    return Wait(name=said["name"], reason=said["reason"], waiting_for=names, text=text.getvalue()) if names else None
