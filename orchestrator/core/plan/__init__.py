"""Planning: from a roadmap's items to specs, with lanes proved, tiers and waves derived, everything wrong in one list.

The walk: `planner` holds the items against lanes, trains and each other; `specs` drafts each item's spec; `lanes` asks
for gaps, `waves` for who can run side by side; `result` is the answer, as values and as the contract's JSON. What the
document does not say is listed as missing and never made up: an item without paths is in the plan and makes a draft.
`threeway` brings a draft, its file and what was written last together without taking anything from a person.
Around it, `documents` plans whole documents, and `adopt` gives the lanes they speak of the repository's names.
"""

from orchestrator.core.plan.adopt import OwnLane, adopted, merged, own_lane
from orchestrator.core.plan.documents import lane_gaps, plan_documents
from orchestrator.core.plan.planner import plan
from orchestrator.core.plan.result import (
    BRANCH_PREFIX,
    Candidate,
    Document,
    PlannedItem,
    PlanResult,
    problem_document,
    specs_of,
)
from orchestrator.core.plan.specs import lacking
from orchestrator.core.plan.threeway import Clash, Merged, Plain, merge

__all__ = [
    "BRANCH_PREFIX",
    "Candidate",
    "Clash",
    "Document",
    "Merged",
    "OwnLane",
    "Plain",
    "PlanResult",
    "PlannedItem",
    "adopted",
    "lacking",
    "lane_gaps",
    "merge",
    "merged",
    "own_lane",
    "plan",
    "plan_documents",
    "problem_document",
    "specs_of",
]
