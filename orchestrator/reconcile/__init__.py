"""The leader's loop. `leader` observes, decides and wakes up; `act` carries each action out and stores what was
found."""

from orchestrator.reconcile.act import Executor, Outcome, Ports
from orchestrator.reconcile.leader import Leader, StopFlag, Tick

__all__ = ["Executor", "Leader", "Outcome", "Ports", "StopFlag", "Tick"]
