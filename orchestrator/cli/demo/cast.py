"""Who plays what in the demo: the parts of the story, the items that carry them, and the scenes of the scripted agents.

`staging` writes the scenes down for `agent.py`, `cues` and `story` ask here who to look at. Every part can be left out
with the hidden option `--without`, so that a test can see the demo notice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

GUARD = "stock-guard"
CENTS = "whole-cents"
RECEIPT = "receipt"
CODES = "discount-codes"
MEMBERS = "member-prices"
ALLERGENS = "allergens"
LABELS = "shelf-labels"
REPORT = "stock-report"

STRAY_PATH = "shop/catalog/stock.py"
"""What the report's agent writes although it belongs to another lane."""
MISSING_PROGRAM = "labelcheck"
"""What the labels' own validation calls and no machine has."""
WRONG_TOTAL = "340.00"
"""What the receipt prints when it takes cents for euros; the evidence its second attempt must see."""
GUARD_CUE = "cue"
"""The file the guard's agent waits for: it is the staging that makes it arrive last, on a machine of any speed."""
BEFORE_THE_GUARD = (CENTS, RECEIPT, CODES, ALLERGENS, REPORT)
"""Whose pull requests are open before the guard's agent gets its cue."""
AGENTS_AT_ONCE = 8


class Part(StrEnum):
    """The parts of the story that can be left out."""

    PARALLEL = "parallel"
    OVERLAP = "overlap"
    STRAY = "stray"
    GATE = "gate"
    KILL = "kill"
    TOGETHER = "together"
    LATE = "late"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Step:
    """What a scripted agent does next. `seconds` are visible time; `edit` names a folder of files to copy."""

    say: str = ""
    seconds: float = 0.0
    edit: str = ""
    cue: str = ""
    dies: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One way a run can go: from which start on, and which words the evidence must contain."""

    steps: tuple[Step, ...]
    start: int = 1
    told: str = ""

    def document(self) -> dict[str, object]:
        """Return the scene as `agent.py` reads it."""
        return {"start": self.start, "told": self.told, "steps": [asdict(step) for step in self.steps]}


def scenes(without: frozenset[Part]) -> dict[str, tuple[Scene, ...]]:
    """Return every item's scenes; where several fit a run, its agent plays the last."""
    return {
        GUARD: (_guard(without),),
        CENTS: (_cents(without),),
        RECEIPT: _receipt(),
        CODES: (_plain("discount-codes", "reading shop/pricing/discounts.py", "writing the table of codes", 2.0),),
        MEMBERS: (_members(without),),
        ALLERGENS: _allergens(without),
        LABELS: (_plain("shelf-labels", "measuring the labels", "cutting them to forty characters", 1.4),),
        REPORT: _report(without),
    }


def _plain(edit: str, first: str, then: str, seconds: float) -> Scene:
    half = seconds / 2
    return Scene((Step(first, half), Step(then, half, edit), Step(f"done with {edit}", 0.1)))


def _guard(without: frozenset[Part]) -> Scene:
    if without & {Part.LATE, Part.PARALLEL}:
        # Alone on the machine it must not wait for others that wait for it.
        return Scene((Step("writing the guard", 0.0, "stock-guard"),))
    return Scene(
        (
            Step("reading how orders are made", 2.0),
            Step("thinking about every way an order can go wrong", cue=GUARD_CUE),
            Step("writing the guard", 1.2, "stock-guard"),
            Step("the guard can only refuse", 0.3),
        )
    )


def _cents(without: frozenset[Part]) -> Scene:
    edit = "whole-cents.beside" if Part.TOGETHER in without else "whole-cents"
    return _plain(edit, "looking for floats", "counting in cents", 1.8)


def _receipt() -> tuple[Scene, ...]:
    return (
        _plain("receipt", "reading shop/catalog/prices.py", "writing receipts in euros", 2.2),
        Scene(
            (
                Step(f"was told that a total came out as {WRONG_TOTAL}: prices are in cents by now", 0.8),
                Step("writing receipts from cents", 0.7, "receipt.cents"),
                Step("done with receipt", 0.1),
            ),
            told=WRONG_TOTAL,
        ),
    )


def _members(without: frozenset[Part]) -> Scene:
    edit = "member-prices.alone" if Part.OVERLAP in without else "member-prices"
    return _plain(edit, "reading the codes that are there", "writing member prices", 1.4)


def _allergens(without: frozenset[Part]) -> tuple[Scene, ...]:
    whole = _plain("allergens", "reading the list of ingredients", "writing the table", 1.4)
    if Part.KILL in without:
        return (whole,)
    killed = Scene((Step("reading the list of ingredients", 0.9), Step("killed in the middle of it", dies=True)))
    return (killed, Scene(whole.steps, start=2))


def _report(without: frozenset[Part]) -> tuple[Scene, ...]:
    inside = Scene(
        (
            Step(f"was told that {STRAY_PATH} is not mine", 0.6),
            Step("keeping the minimum in the report", 0.6, "stock-report"),
            Step("done with stock-report", 0.1),
        ),
        told=STRAY_PATH,
    )
    if Part.STRAY in without:
        return (Scene(inside.steps[1:]),)
    astray = Scene(
        (
            Step("reading shop/catalog/stock.py", 0.8),
            Step("writing the report", 0.6, "stock-report"),
            Step("the minimum would look nicer beside the stock", 0.4, "stock-report.stray"),
        )
    )
    return (astray, inside)
