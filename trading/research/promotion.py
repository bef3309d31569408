"""What stands between a candidate and the desk: everything that is missing or not good enough, with what to run.

A blocker is derived from the ledger, from the strategy as it is now and from the runs that lie around; no blocker, no
objection. Evidence counts for the source it was made with, a review for the evidence it has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from trading.research import trials
from trading.research.case import PROFILES, Case, authors, person
from trading.research.entries import (
    Backtest,
    Check,
    Paper,
    Promoted,
    Refused,
    Review,
    Snapshot,
    Stage,
    Validation,
    WalkForward,
)
from trading.research.trials import PROFILE


@dataclass(frozen=True, slots=True)
class Criteria:
    """How good is good enough."""

    sessions_min: int = 252
    folds_min: int = 4
    folds_won_min: float = 0.5
    deflated_min: float = 0.95
    """The level at which Bailey and López de Prado (2014) speak of evidence."""
    overfit_max: float = 0.05
    """The level that Bailey and others (2015) take over from testing hypotheses."""
    drawdown_max: float = 0.2
    """Under stressed execution."""
    costs_ratio_max: float = 1.5
    """Realised to estimated."""
    paper_sessions_min: int = 20
    drift_max: float = 2.0
    """Standard errors by which paper may be worse than the backtest."""


class Blocker(NamedTuple):
    """One thing that stands in the way, and the command that clears it or shows more."""

    code: str
    message: str
    run: str


@dataclass(frozen=True, slots=True)
class Present:
    """What is so now, outside the ledger."""

    source: str
    """Digest of the strategy's files; empty if they cannot be read, `trouble` says why."""
    trouble: str = ""
    unrecorded: tuple[str, ...] = ()
    """Finished runs of the strategy that no entry knows."""
    frozen: str = ""
    """Why nothing may be promoted on the desk now, whatever it is; empty if something may."""


def blockers(case: Case, to: Stage, present: Present, criteria: Criteria) -> tuple[Blocker, ...]:
    """Return everything that stands in the way of a promotion, in the order in which it is best cleared."""
    found = [*_evidence(case, present), *_quality(case, criteria), *_walk(case, present, criteria)]
    if present.frozen:
        found.insert(0, Blocker("PromotionsFrozen", present.frozen, "trading status"))
    if to is Stage.CHAMPION:
        found += _paper(case, present, criteria)
    if present.unrecorded:
        found.append(
            Blocker(
                "RunsUnrecorded",
                f"{len(present.unrecorded)} finished runs of {case.created.strategy} are in no entry, first "
                f"{present.unrecorded[0]}: what was tried and not told makes luck look like skill",
                f"trading research record-backtest {case.name} --by NAME "
                + " ".join(f"--run {run}" for run in present.unrecorded[:20]),
            )
        )
    return (*found, *_review(case))


def _evidence(case: Case, present: Present) -> Iterator[Blocker]:
    name, chosen = case.name, case.chosen
    pinned = {record.entry.digest for record in case.records if isinstance(record.entry, Snapshot)}
    if present.trouble:
        yield Blocker("SourceUnreadable", present.trouble, "git status trading/strategies")
    if not pinned:
        yield Blocker(
            "NoSnapshot", "no data is pinned", f"trading research snapshot {name} --dataset DATASET --by NAME"
        )
    again = f"trading backtest FILE --profile {PROFILE}; trading research record-backtest {name} --run RUN --by NAME"
    if chosen is None:
        yield Blocker("NoBacktest", f"no finished run under {PROFILE} is recorded", again)
        return
    if pinned and chosen.data not in pinned:
        yield Blocker(
            "OtherData",
            f"run {chosen.run} was made of {chosen.dataset} {chosen.data[:19]}, which is not pinned",
            f"trading research snapshot {name} --dataset {chosen.dataset} --by NAME",
        )
    if present.source and chosen.source != present.source:
        yield Blocker("SourceChanged", f"the strategy was changed after run {chosen.run}", again)
    for profile in PROFILES:
        if case.backtest(profile) is None:
            yield Blocker(
                "ProfileMissing",
                f"the setup of run {chosen.run} is not recorded under {profile}",
                f"trading backtest FILE --profile {profile}; "
                f"trading research record-backtest {name} --run RUN --by NAME",
            )
    for check in Check:
        yield from _validation(case, check, chosen.source)


def _validation(case: Case, check: Check, source: str) -> Iterator[Blocker]:
    made = [r.entry for r in case.records if isinstance(r.entry, Validation) and r.entry.check is check]
    again = f"trading research record-validation {case.name} --check {check} --by NAME"
    again += " FILE" if check is Check.LOOKAHEAD else " --run RUN"
    counted = [each for each in made if each.source == source]
    title = check.capitalize()
    if not counted:
        why = "was made of another version of the strategy" if made else "is not recorded"
        yield Blocker(f"{title}Missing", f"the {check} check {why}", again)
    elif not counted[-1].passed:
        yield Blocker(f"{title}Failed", f"the {check} check failed: {counted[-1].detail}", again)


def _quality(case: Case, criteria: Criteria) -> Iterator[Blocker]:
    chosen, judgement = case.chosen, case.judgement
    if chosen is None or judgement is None:
        return
    look = f"trading research summary {case.name}"
    if len(chosen.days) < criteria.sessions_min:
        yield Blocker(
            "SessionsFew",
            f"run {chosen.run} has {len(chosen.days)} sessions, {criteria.sessions_min} are asked for",
            "trading backtest FILE, over longer data",
        )
    if judgement.deflated is None:
        yield Blocker("NothingMoved", f"run {chosen.run} has no Sharpe ratio: its equity never moved", look)
    elif judgement.deflated.probability < criteria.deflated_min:
        yield Blocker(
            "SharpeDeflated",
            f"after {judgement.trials} trials the probability of skill is {judgement.deflated.probability:.4f}, "
            f"{criteria.deflated_min} is asked for (a session's ratio {judgement.ratio:.4f}, luck alone "
            f"{judgement.deflated.bound:.4f})",
            look,
        )
    if judgement.overfit is not None and judgement.overfit.probability > criteria.overfit_max:
        yield Blocker(
            "Overfit",
            f"choosing the best of {judgement.overfit.trials} trials is overfit with probability "
            f"{judgement.overfit.probability:.4f}, {criteria.overfit_max} is allowed",
            look,
        )
    if judgement.overfit is None and judgement.judged > 1:
        yield Blocker(
            "OverfitUnknown",
            f"{judgement.judged} trials were made, beside run {chosen.run} none over its {len(chosen.days)} sessions: "
            "nobody can say whether choosing it was luck",
            f"trading walk-forward FILE --candidate {case.name} --vary NAME=A,B --by NAME",
        )
    stressed = case.backtest("stressed")
    if stressed is not None:
        yield from _stressed(stressed, criteria)


def _stressed(stressed: Backtest, criteria: Criteria) -> Iterator[Blocker]:
    show = f"trading replay --run-id {stressed.run}"
    if stressed.equity[-1] <= stressed.equity[0]:
        yield Blocker("StressedLoss", f"under stressed execution run {stressed.run} earns nothing", show)
    best, worst = stressed.equity[0], 0.0
    for value in stressed.equity:
        best = max(best, value)
        worst = max(worst, 1.0 - value / best)
    if worst > criteria.drawdown_max:
        yield Blocker(
            "DrawdownDeep",
            f"under stressed execution run {stressed.run} falls by {worst:.2%} from its best, "
            f"{criteria.drawdown_max:.0%} is allowed",
            show,
        )


def _walk(case: Case, present: Present, criteria: Criteria) -> Iterator[Blocker]:
    again = f"trading walk-forward FILE --candidate {case.name} --by NAME"
    source = case.chosen.source if case.chosen else present.source
    stored = [r.entry.walk for r in case.records if isinstance(r.entry, WalkForward)]
    made = [walk for walk in stored if walk.profile == PROFILE]
    counted = [each for each in made if each.source == source and (not case.chosen or each.data == case.chosen.data)]
    if not counted:
        why = "was made of another strategy or other data" if made else "is not stored"
        yield Blocker("WalkForwardMissing", f"a walk forward {why}", again)
        return
    folds = counted[-1].folds
    won = sum(sum(fold.returns) > 0.0 for fold in folds)
    if len(folds) < criteria.folds_min:
        yield Blocker("FoldsFew", f"{len(folds)} folds are stored, {criteria.folds_min} are asked for", again)
    if won <= criteria.folds_won_min * len(folds):
        yield Blocker("FoldsLost", f"{won} of {len(folds)} test windows earned something; more than half must", again)


def _paper(case: Case, present: Present, criteria: Criteria) -> Iterator[Blocker]:
    again = f"trading research record-paper {case.name} FILE --by NAME"
    on_paper = any(isinstance(r.entry, Promoted) and r.entry.source == present.source for r in case.records)
    if not on_paper:
        yield Blocker(
            "NotOnPaper",
            "this version was never promoted to paper",
            f"trading research promote {case.name} --to paper --by NAME --reason TEXT",
        )
    made = [r.entry for r in case.records if isinstance(r.entry, Paper) and r.entry.source == present.source]
    sessions = sum(each.sessions for each in made)
    if sessions < criteria.paper_sessions_min:
        yield Blocker("PaperShort", f"{sessions} sessions on paper, {criteria.paper_sessions_min} are asked for", again)
        return
    estimated, realised = sum(each.cost_estimated for each in made), sum(each.cost_realised for each in made)
    if realised > criteria.costs_ratio_max * estimated:
        yield Blocker(
            "PaperCosts",
            f"on paper trading cost {realised} where {estimated} was estimated (minor units); "
            f"{criteria.costs_ratio_max} times as much is allowed",
            again,
        )
    lived = [each for paper in made for each in paper.returns]
    chosen = trials.returns(case.chosen.equity) if case.chosen else ()
    if len(chosen) > 2 and stdev(chosen) > 0.0:
        worse = (fmean(chosen) - fmean(lived)) / (stdev(chosen) / sqrt(len(lived)))
        if worse > criteria.drift_max:
            yield Blocker(
                "PaperDrift",
                f"paper is worse than the backtest by {worse:.1f} standard errors, {criteria.drift_max} are allowed",
                again,
            )


def _review(case: Case) -> Iterator[Blocker]:
    again = f"trading research approve-review {case.name} --by NAME --reason TEXT"
    said = [record for record in case.records if isinstance(record.entry, Review)]
    if not said:
        yield Blocker("NoReview", "nobody reviewed it", again)
        return
    record = said[-1]
    review = record.entry
    assert isinstance(review, Review)
    if person(review.by) in authors(case.records, case.name):
        yield Blocker("ReviewerIsAuthor", f"{review.by} reviewed and took part; somebody else has to", again)
    if case.chosen is not None and review.run != case.chosen.run:
        yield Blocker("ReviewOfOther", f"{review.by} reviewed run {review.run}, not {case.chosen.run}", again)
    later = [
        each.serial
        for each in case.records
        if each.serial > review.seen and not isinstance(each.entry, Review | Promoted | Refused)
    ]
    if later:
        yield Blocker("ReviewStale", f"{review.by} has not seen entry {later[0]} and what follows", again)
