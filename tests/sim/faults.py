"""The ports as the leader gets them: a call may be refused, lose its answer, kill the leader or let people in.

A `Port` wraps one fake for one leader. What it lets happen comes from the seed's profile; what really happened goes to
the world's log, and every effect is followed by the invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.errors import Transient
from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.facts import LandOutcome, LandResult

if TYPE_CHECKING:
    from tests.sim.world import World


class Crash(BaseException):
    """The leader is dead as of now. Not an `Exception`: nothing in the leader may catch it."""


EFFECTS: Mapping[str, frozenset[str]] = {
    "cluster": frozenset({"create", "update", "update_status", "delete"}),
    "git": frozenset({"build", "keep", "forget_candidates"}),
    "forge": frozenset({"push", "propose", "amend", "land"}),
    "runtime": frozenset({"start", "stop", "collect", "discard", "sweep"}),
    "gates": frozenset({"start", "stop", "sweep"}),
}
LOOKS: Mapping[str, frozenset[str]] = {
    "cluster": frozenset({"get", "list", "revision"}),
    "git": frozenset({"observe", "tree_of", "paths", "diff", "contains"}),
    "forge": frozenset({"pulls", "work_tree"}),
    "runtime": frozenset({"observe"}),
    "gates": frozenset({"observe", "environment"}),
}
"""What may fail although it changes nothing. Everything else (the audit trail, marks, sentences) just works."""

LEADER_FAULTS = frozenset({"refuse", "lose", "crash_before", "crash_after"})


@dataclass(frozen=True, slots=True)
class Effect:
    """One call that may have changed the world, just done."""

    port: str
    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    leader: str
    tip: str
    """The base tip before it."""
    branches: Mapping[str, str]
    """All refs before it, for the forge and git; empty otherwise."""


class Trouble:
    """Draws which call of the leader meets which fault."""

    def __init__(self, calls: Mapping[str, float], rng: Random) -> None:
        self._rng = rng
        self._names = list(calls)
        self._weights = [calls[name] for name in self._names]
        self._rate = sum(self._weights)
        self._left = self._gap()

    def stop(self) -> None:
        """Let nothing happen any more."""
        self._rate = 0.0
        self._left = self._gap()

    def draw(self) -> str | None:
        """Return the fault this call meets, None for most."""
        self._left -= 1
        if self._left > 0:
            return None
        self._left = self._gap()
        return self._rng.choices(self._names, self._weights)[0]

    def _gap(self) -> float:
        return 1 + self._rng.expovariate(self._rate) if self._rate > 0 else float("inf")


class Port:
    """One port as one leader sees it. Methods are wrapped when they are first asked for."""

    def __init__(self, world: World, leader: str, name: str, target: object) -> None:
        self._world = world
        self._leader = leader
        self._name = name
        self._target = target

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._target, method)
        effect = method in EFFECTS[self._name]
        if effect or method in LOOKS[self._name]:
            call = self._wrapped(method, call, effect)
        setattr(self, method, call)
        return call

    def _wrapped(self, method: str, target: Callable[..., Any], effect: bool) -> Callable[..., Any]:
        world, leader, name = self._world, self._leader, self._name
        label = f"{name}.{method}"
        keeps_refs = name in ("forge", "git", "runtime")

        def call(*args: Any, **kwargs: Any) -> Any:
            fault = world.meet(leader, label)
            if fault == "crash_before":
                raise Crash(f"{label}: before")
            if fault == "refuse" and label == "forge.land" and world.rng.random() < 0.5:
                return LandOutcome(LandResult.UNKNOWN, "no answer")
            if fault == "refuse" or (fault == "lose" and not effect):
                raise Transient(f"{label}: refused")
            if not effect:
                return target(*args, **kwargs)
            tip = world.tip()
            refs = dict(world.repository.refs) if keeps_refs else {}
            result = target(*args, **kwargs)
            world.done(Effect(name, method, args, kwargs, result, leader, tip, refs))
            if fault is None and label == "forge.land" and world.loses_landing():
                fault = world.rng.choice(("lose", "crash_after"))
            if fault == "lose" and label == "forge.land" and world.rng.random() < 0.5:
                return LandOutcome(LandResult.UNKNOWN, "no answer")
            if fault == "lose":
                raise Transient(f"{label}: the answer was lost")
            if fault == "crash_after":
                raise Crash(f"{label}: after")
            return result

        return call


class StaleCluster:
    """A `Cluster` whose lists may show what they showed some writes ago; each kind only moves forward.

    List and revision come from one cache, as a reflector's would. Reads of one object and all writes are current.
    """

    def __init__(self, target: Any, lags: Callable[[], bool], saw: Callable[[Sequence[Decision]], None]) -> None:
        self._target = target
        self._lags = lags
        self._saw = saw
        self._shown: dict[type[Resource], tuple[Sequence[Any], str]] = {}

    def __getattr__(self, method: str) -> Any:
        return getattr(self._target, method)

    def _look(self, kind: type[Resource]) -> tuple[Sequence[Any], str]:
        shown = self._shown.get(kind)
        if shown is None or not self._lags():
            shown = self._shown[kind] = (self._target.list(kind), self._target.revision(kind))
        return shown

    def list(self, kind: type[Any]) -> Sequence[Any]:
        """Return the objects of the kind as the cache has them."""
        found = self._look(kind)[0]
        if kind is Decision:
            self._saw(found)
        return found

    def revision(self, kind: type[Resource]) -> str:
        """Return the revision of the objects `list` showed last, or of newer ones."""
        shown = self._shown.get(kind)
        return shown[1] if shown is not None else self._look(kind)[1]
