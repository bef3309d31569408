"""The items of roadmaps held against lanes, trains and each other. Pure, and raises nothing whatever they say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from orchestrator.core.floors import touches
from orchestrator.core.globs import BadPattern, Pattern, Scope, ScopeIndex, TooComplex, caseless, overlap, parse
from orchestrator.core.graph import cycles, path_text
from orchestrator.core.order import Orderable, Ranking, rank
from orchestrator.core.plan.lanes import LaneCheck
from orchestrator.core.plan.result import Candidate, PlannedItem, PlanResult
from orchestrator.core.plan.specs import drafted, missing, place_in
from orchestrator.core.plan.waves import Surfer, waves
from orchestrator.core.roadmap import RoadmapItem
from orchestrator.core.suggest import did_you_mean
from orchestrator.errors import Problem, Severity
from orchestrator.model.lane import Lane
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import MergeTrain

# Each guess compares a word with every name there is; a roadmap with more mistakes than this has another problem.
_GUESSES_MAX = 25


def plan(
    items: Sequence[RoadmapItem],
    *,
    lanes: Sequence[Lane] = (),
    trains: Sequence[MergeTrain] = (),
    known: Collection[str] = (),
    files: Sequence[str] = (),
    problems: Sequence[Problem] = (),
) -> PlanResult:
    """Return what follows from the items: order, effective tiers, waves, specs. Raises nothing, whatever they say.

    `known` are specs defined elsewhere, which needs may name. `files` are those of the repository: who may write one
    that a floor guards is raised. `problems` are the reader's and come first per line.
    Without lanes, paths are not checked; without trains, floors are not known.
    """
    planner = _Planner(items, lanes, trains, known, files)
    order = {path: at for at, path in enumerate(dict.fromkeys(item.path for item in items))}
    found = sorted([*problems, *planner.problems], key=lambda each: (order.get(each.path, -1), each.line, each.column))
    return PlanResult(planner.planned(), tuple(found))


class _Planner:
    def __init__(
        self,
        items: Sequence[RoadmapItem],
        lanes: Sequence[Lane],
        trains: Sequence[MergeTrain],
        known: Collection[str],
        files: Sequence[str],
    ) -> None:
        self.files = files
        self.guarded: dict[str, tuple[str, ...]] = {}
        self.problems: list[Problem] = []
        self.guesses = _GUESSES_MAX
        self.trains = {train.name: train for train in trains}
        items = _with_named_needs(items, known)
        self.items = self._once(items)
        self.open = {name: item for name, item in self.items.items() if not item.done}
        self.said = [item for item in items if not item.done]
        """What is checked: also second items of a name, which are in no plan."""
        self.patterns: dict[str, tuple[Pattern, ...]] = {}
        self.specs: dict[str, ImplementationSpec | None] = {}
        for name, item in self.open.items():
            # One after the other: patterns that were just read are remembered when the spec's rules read them again.
            self.patterns[name] = _patterns([path.text for path in item.paths])
            self.specs[name] = self._drafted(item)
        for item in self.said:
            if self.open.get(item.name) is not item:
                self._drafted(item)
        self.candidates: dict[str, tuple[Candidate, ...]] = {
            name: tuple(Candidate(each.text, each.line, None) for each in item.candidates)
            for name, item in self.items.items()
            if item.candidates
        }
        self.floors = self._floors()
        self.ranking = self._ranking()
        self._check_needs(known)
        self._check_lanes(lanes)
        self._check_tiers()
        self._check_trains()
        self._check_spellings()
        self.waves = self._waves()

    def planned(self) -> tuple[PlannedItem, ...]:
        """Return every item of the roadmap with what was derived for it."""
        return tuple(
            PlannedItem(
                item=item,
                tier=self.ranking.tier.get(name, item.tier or Tier.EXECUTION),
                wave=self.waves.get(name, 0),
                place=self.ranking.place.get(name, -1) + 1,
                missing=() if item.is_loose and item.done else missing(item),
                spec=self.specs.get(name),
                candidates=self.candidates.get(name, ()),
            )
            for name, item in self.items.items()
        )

    def _once(self, items: Sequence[RoadmapItem]) -> dict[str, RoadmapItem]:
        """Return the items by name; a second one of the same name is reported and left out."""
        found: dict[str, RoadmapItem] = {}
        for item in items:
            first = found.setdefault(item.name, item)
            if first is not item:
                what = f"is also the name of the item in {first.path}:{first.line}; rename one of them"
                self._wrong("DuplicateName", item, what)
        return found

    def _drafted(self, item: RoadmapItem) -> ImplementationSpec | None:
        """Return the item's spec if it says enough; report whatever in it breaks a rule of specs."""
        spec, found = drafted(item)
        for each in found:
            line, column = place_in(item, each.where)
            self._wrong(each.code, item, each.message, line=line, column=column, severity=each.severity)
        return spec

    def _floors(self) -> Mapping[str, tuple[Tier, str, str]]:
        """Return, by item, the earliest tier its paths demand, the path that does and the floor it can touch."""
        found: dict[str, tuple[Tier, str, str]] = {}
        for name, item in self.open.items():
            train = self.trains.get(item.train or "main")
            if train is None or not train.spec.floors:
                continue
            touched = [
                (floor.tier, path.text, guarded)
                for floor in train.spec.floors
                for guarded in floor.paths
                for path in item.paths
                if touches((path.text,), (guarded,), self._files_in(guarded))
            ]
            if touched:
                found[name] = min(touched, key=lambda each: each[0].rank)
        return found

    def _files_in(self, guarded: str) -> tuple[str, ...]:
        """Return the repository's files that lie in one pattern of a floor."""
        if guarded not in self.guarded:
            scope = Scope(_patterns([guarded]))
            self.guarded[guarded] = tuple(path for path in self.files if scope.matches(path))
        return self.guarded[guarded]

    def _ranking(self) -> Ranking:
        return rank(
            [
                Orderable(
                    name=name,
                    tier=item.tier or Tier.EXECUTION,
                    priority=item.priority,
                    age=at,
                    needs=tuple(need.text for need in item.needs),
                    floor=self.floors[name][0] if name in self.floors else None,
                )
                for at, (name, item) in enumerate(self.open.items())
            ]
        )

    def _waves(self) -> Mapping[str, int]:
        surfers = [
            Surfer(name, tuple(need.text for need in self.open[name].needs), tuple(map(caseless, self.patterns[name])))
            for name in self.ranking.order
        ]
        return waves(surfers)

    def _check_needs(self, known: Collection[str]) -> None:
        elsewhere = frozenset(known)
        for item in self.said:
            for need in item.needs:
                if need.text not in self.items and need.text not in elsewhere:
                    hint = self._guess(need.text, [*self.items, *elsewhere])
                    what = f"needs `{need.text}`{hint}, which no item defines; add it or drop the need"
                    self._wrong("UnknownNeed", item, what, line=need.line, column=need.column)
        for way in cycles({name: [need.text for need in item.needs] for name, item in self.open.items()}):
            first = self.open[way[0]]
            need = next(need for need in first.needs if need.text == way[1])
            lines = ", ".join(f"{self.open[name].path}:{self.open[name].line}" for name in way[:-1][:12])
            what = f"can never start: {path_text(way)}; drop one of these needs (items in {lines})"
            self._wrong("Cycle", first, what, line=need.line, column=need.column)

    def _check_lanes(self, lanes: Sequence[Lane]) -> None:
        if not lanes:
            if first := next((item for item in self.open.values() if item.lanes), None):
                what = "no lanes are defined here, so lanes and paths of the items were not checked"
                self._wrong("NoLanes", first, what, line=first.lanes[0].line, severity=Severity.WARNING)
            return
        check = LaneCheck(lanes)
        self.problems.extend(check.broken)
        self._own_candidates(check)
        for item in self.said:
            for lane in item.lanes:
                if lane.text not in check.names:
                    hint = self._guess(lane.text, check.names)
                    what = f"works in the lane `{lane.text}`{hint}, which is not defined; define it or name another"
                    self._wrong("UnknownLane", item, what, line=lane.line, column=lane.column)
            if not check.broken:
                names = tuple(lane.text for lane in item.lanes)
                self._check_paths(item, names if check.names.issuperset(names) else (), check)

    def _own_candidates(self, check: LaneCheck) -> None:
        """Note who owns what items mention; warn where that is none of the lanes they name."""
        for name, mentioned in self.candidates.items():
            owned = tuple(replace(each, owner=check.owner(_example(each.path))) for each in mentioned)
            self.candidates[name] = owned
            item = self.items[name]
            lanes = {lane.text for lane in item.lanes}
            for each in owned if lanes and not item.done else ():
                if each.owner is not None and each.owner not in lanes:
                    what = (
                        f"mentions `{each.path}`, which lane `{each.owner}` owns; name it too if the item writes there"
                    )
                    self._wrong("MentionsOther", item, what, line=each.line, severity=Severity.WARNING)

    def _check_paths(self, item: RoadmapItem, names: tuple[str, ...], check: LaneCheck) -> None:
        """Report paths outside these lanes; without any (none is named, or one nobody knows), paths of no lane."""
        lanes = names or tuple(sorted(check.names))
        patterns = {pattern.text: pattern for pattern in _patterns([path.text for path in item.paths])}
        for path in item.paths:
            if path.text not in patterns:
                continue  # unreadable, and reported as that
            try:
                witness = check.gap(lanes, patterns[path.text])
                inside = check.inside(lanes, patterns[path.text]) if witness is not None else None
            except TooComplex as error:
                self._wrong("TooComplex", item, f"`{path.text}`: {error}", line=path.line, column=path.column)
                continue
            if witness is None:
                continue
            owner = check.owner(witness)
            owned = f"lane `{owner}` owns it" if owner else "no lane owns it"
            remedy = f"write `{inside}`, which is all there is in that folder" if inside else ""
            if names:
                word = f"lane{'s' if len(names) > 1 else ''} {', '.join(f'`{name}`' for name in names)}"
                what = f"`{path.text}` reaches out of the {word}: it covers `{witness}`, and {owned}; "
                what += remedy or "narrow the path or name the lanes it needs"
            else:
                what = f"`{path.text}` covers `{witness}`, which no lane owns, so no run may write it; "
                what += remedy or "narrow the path or let a lane own it"
            severity = Severity.ERROR
            if path.is_guess:
                # Nobody listed it: the draft is for a person to look at, and a run still refuses it.
                severity, what = Severity.WARNING, f"{what} (it was found in a sentence)"
            self._wrong(
                "OutsideLane", item, what, line=path.line, column=path.column, severity=severity, witness=witness
            )

    def _check_tiers(self) -> None:
        """Warn of tiers that do not stand: what a safety item needs is safety, and so is what can touch its floor."""
        for name, raised in self.ranking.raised.items():
            item = self.open[name]
            if raised.by is not None:
                why = f"`{raised.by}` needs it, and that is {raised.tier}"
            elif item.tier is not None:
                _, path, floor = self.floors[name]
                why = f"`{path}` touches the train's floor `{floor}`"
            else:
                continue
            said = f", not as {item.tier}" if item.tier else ""
            what = f"lands as {raised.tier}{said}: {why}"
            self._wrong("TierRaised", item, what, line=item.line_of("tier"), severity=Severity.WARNING)

    def _check_spellings(self) -> None:
        """Warn of two items whose paths meet only by spelling: whoever writes second there is denied."""
        scopes = {name: tuple(map(caseless, patterns)) for name, patterns in self.patterns.items()}
        odd = [name for name, patterns in self.patterns.items() if scopes[name] != patterns]
        if not odd:
            return
        index: ScopeIndex[str] = ScopeIndex()
        for name, patterns in scopes.items():
            index.add(name, Scope(patterns))
        told: set[str] = set()
        for name in odd:
            for other in index.overlapping(Scope(scopes[name])):
                if other == name or other in told or overlap(Scope(self.patterns[name]), Scope(self.patterns[other])):
                    continue
                told.add(name)
                witness = overlap(Scope(scopes[name]), Scope(scopes[other]))
                what = (
                    f"its paths and those of `{other}` meet in `{witness}` but for case or Unicode form, and some file "
                    "systems hold only one of two such names: they take turns, and a second spelling is denied; "
                    "spell them alike"
                )
                item = self.open[name]
                line = item.paths[0].line if item.paths else item.line
                self._wrong("SpelledTwice", item, what, line=line, severity=Severity.WARNING, witness=witness)
                break

    def _check_trains(self) -> None:
        for item in self.said if self.trains else ():
            name = item.train or "main"
            if name not in self.trains:
                hint = self._guess(name, self.trains)
                what = f"lands through the train `{name}`{hint}, which is not defined; define it or name another"
                self._wrong("UnknownTrain", item, what, line=item.line_of("train"))

    def _guess(self, word: str, names: Collection[str]) -> str:
        self.guesses -= 1
        return did_you_mean(word, names) if self.guesses >= 0 else ""

    def _wrong(
        self,
        code: str,
        item: RoadmapItem,
        message: str,
        *,
        line: int = 0,
        column: int = 1,
        severity: Severity = Severity.ERROR,
        witness: str | None = None,
    ) -> None:
        text = f"item `{item.name}`: {message}"
        self.problems.append(Problem(code, text, item.path, line or item.line, column, witness, severity))


def _with_named_needs(items: Sequence[RoadmapItem], known: Collection[str]) -> tuple[RoadmapItem, ...]:
    """Return the items, and where one needs `nothing` and another one is called so, with that need."""
    names = {*(item.name for item in items), *known}
    return tuple(
        replace(item, needs=(item.no_needs,))
        if item.no_needs and item.no_needs.text in names and item.no_needs.text != item.name
        else item
        for item in items
    )


def _example(pattern: str) -> str:
    """Return a path that the pattern could match, to ask who owns it."""
    return pattern.replace("**", "x").replace("*", "x").replace("?", "x").strip("/")


def _patterns(texts: Sequence[str]) -> tuple[Pattern, ...]:
    """Return the patterns that can be read."""
    found = []
    for text in texts:
        try:
            found.append(parse(text))
        except BadPattern:
            continue
    return tuple(found)
