"""The lanes as the leader asks them at run time: agents, limits, gates, and whether a spec may write what it names.

Built once per set of lane versions and kept, because the proofs behind it are dear and the lanes rarely change.
"""

import shlex
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from orchestrator.core.globs import Scope, overlap
from orchestrator.core.ownership import Ownership
from orchestrator.errors import Invalid, Severity
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane
from orchestrator.model.run import RunScope


class Lanes:
    """All lanes of a repository, by name."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._ownership: Ownership | None = None
        self._refusals: dict[tuple[tuple[str, ...], tuple[str, ...]], str | None] = {}
        self.generated: tuple[str, ...] = _all(
            glob for lane in lanes for made in lane.spec.generated for glob in made.paths
        )
        self.protected: tuple[str, ...] = _all(glob for lane in lanes for glob in lane.spec.protected)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the lanes' names."""
        return tuple(self._lanes)

    @property
    def ownership(self) -> Ownership:
        """Return who owns what; built when it is first asked."""
        if self._ownership is None:
            self._ownership = Ownership.of(tuple(self._lanes.values()))
        return self._ownership

    def agent(self, name: str) -> str | None:
        """Return the lane's default provider."""
        lane = self._lanes.get(name)
        return lane.spec.agent if lane else None

    def runs_max(self, name: str) -> int:
        """Return how many agents of the lane may run at once."""
        lane = self._lanes.get(name)
        return lane.spec.max_runs if lane else 1

    def gates(self, names: Iterable[str]) -> tuple[Gate, ...]:
        """Return the extra gates of these lanes."""
        return tuple(gate for name in names if name in self._lanes for gate in self._lanes[name].spec.gates)

    def own(self) -> tuple[str, ...]:
        """Return everything any lane owns or shares."""
        return _all(glob for lane in self._lanes.values() for glob in (*lane.spec.own, *lane.spec.shared))

    def scope(self, names: Iterable[str], paths: tuple[str, ...]) -> RunScope:
        """Return what run.json tells an agent of these lanes."""
        lanes = [self._lanes[name] for name in names if name in self._lanes]
        return RunScope(
            paths=paths,
            shared=_all(glob for lane in lanes for glob in lane.spec.shared),
            generated=self.generated,
        )

    def outdated(self, mine: Collection[str], theirs: Collection[str]) -> tuple[str, ...]:
        """Return the generated files that a merge may not decide: made by one command, and changed on both sides."""
        found: dict[str, None] = {}
        for one in (made for lane in self._lanes.values() for made in lane.spec.generated):
            scope = Scope.of(one.paths)
            ours = [path for path in mine if scope.matches(path)]
            bases = [path for path in theirs if scope.matches(path)] if ours else []
            if bases:
                found |= dict.fromkeys((*ours, *bases))
        return tuple(found)

    def regeneration(self, paths: Sequence[str], base: str) -> str:
        """Return the command that makes these files anew on the base, in a workspace that was brought up to date.

        Empty unless every one of them is generated. Each is first put back to how the base has it, for a generator may
        read what it writes.
        """
        made = [one for lane in self._lanes.values() for one in lane.spec.generated]
        needed = [one for one in made if any(Scope.of(one.paths).matches(path) for path in paths)]
        scope = Scope.of(glob for one in needed for glob in one.paths)
        if not paths or not all(scope.matches(path) for path in paths):
            return ""
        restored = [
            f"git checkout -q {base} -- {shlex.quote(path)} || git rm -q -f -- {shlex.quote(path)}" for path in paths
        ]
        return "\n".join(["set -e", *restored, *dict.fromkeys(one.regenerate for one in needed)])

    def touches_protected(self, paths: tuple[str, ...]) -> bool:
        """Return whether any of these globs can match a protected file."""
        return bool(self.protected) and overlap(Scope.of(paths), Scope.of(self.protected)) is not None

    def refusal(self, names: tuple[str, ...], paths: tuple[str, ...]) -> str | None:
        """Return why work in these lanes may not write these paths, with the remedy; None if it may."""
        key = (names, paths)
        if key not in self._refusals:
            self._refusals[key] = self._refuse(names, paths)
        return self._refusals[key]

    def _refuse(self, names: tuple[str, ...], paths: tuple[str, ...]) -> str | None:
        if not names:
            return "it names no lane; set spec.lane"
        unknown = [name for name in names if name not in self._lanes]
        if unknown:
            return f"lane {', '.join(unknown)} does not exist; the lanes are {', '.join(self._lanes) or 'none'}"
        broken = next((one for one in self.ownership.check().problems if one.severity is Severity.ERROR), None)
        if broken is not None:
            return f"the lanes are not proved apart: {broken.message}"
        try:
            outside = self.ownership.scope_gap(names, paths)
        except Invalid as error:
            return str(error)
        if outside is not None:
            mine = ", ".join(names)
            return f"its paths cover `{outside}`, which lane {mine} does not own; narrow them or name the owning lane"
        return None


def lanes_of(lanes: tuple[Lane, ...]) -> Lanes:
    """Return the lanes for asking; the same object as long as no lane's spec changed."""
    return _kept(_Key(lanes))


class _Key:
    """Lanes compared by what they say, not by their status."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.lanes = lanes
        self._spoken = tuple((lane.name, lane.metadata.uid, lane.metadata.generation) for lane in lanes)

    def __hash__(self) -> int:
        return hash(self._spoken)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._spoken == other._spoken and self._same(other)

    def _same(self, other: "_Key") -> bool:
        return all(mine.spec == theirs.spec for mine, theirs in zip(self.lanes, other.lanes, strict=True))


@lru_cache(maxsize=16)
def _kept(key: _Key) -> Lanes:
    return Lanes(key.lanes)


def _all(globs: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(globs))
