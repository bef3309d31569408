"""Planning: from a roadmap's items to specs, with lanes proved, tiers and waves derived, everything wrong in one list.

The walk: `planner` holds the items against lanes, trains and each other; `specs` drafts each item's spec; `lanes` asks
for gaps, `waves` for who can run side by side; `result` is the answer, as values and as the contract's JSON. What the
document does not say is listed as missing and never made up: an item without paths is in the plan and makes a draft.
`threeway` brings a draft, its file and what was written last together without taking anything from a person.
"""

from orchestrator.core.plan.planner import plan
from orchestrator.core.plan.result import BRANCH_PREFIX, PlannedItem, PlanResult, problem_document, specs_of
from orchestrator.core.plan.specs import lacking
from orchestrator.core.plan.threeway import Clash, Merged, Plain, merge

__all__ = [
    "BRANCH_PREFIX",
    "Clash",
    "Merged",
    "Plain",
    "PlanResult",
    "PlannedItem",
    "lacking",
    "merge",
    "plan",
    "problem_document",
    "specs_of",
]
