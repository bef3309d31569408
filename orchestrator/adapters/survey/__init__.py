"""What a stranger's repository says about itself: base branch, tests, owners, layout, lockfiles, agent programs.

The walk: `tree` asks git and reads files, `base`, `gates`, `owners`, `layout`, `classes` and `programs` each guess one
thing and say why, `survey` puts them together. `init` turns the result into documents; nothing here writes anything.
"""

from orchestrator.adapters.survey.base import BaseGuess
from orchestrator.adapters.survey.classes import GeneratedGuess
from orchestrator.adapters.survey.commits import recent_commits
from orchestrator.adapters.survey.gates import GateGuess
from orchestrator.adapters.survey.layout import LaneGuess
from orchestrator.adapters.survey.programs import AgentGuess, missing_agent, missing_program
from orchestrator.adapters.survey.survey import Survey, survey
from orchestrator.adapters.survey.tree import tracked_paths

__all__ = [
    "AgentGuess",
    "BaseGuess",
    "GateGuess",
    "GeneratedGuess",
    "LaneGuess",
    "Survey",
    "missing_agent",
    "missing_program",
    "recent_commits",
    "survey",
    "tracked_paths",
]
