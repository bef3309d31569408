"""The guardrails of this repository's own train, asked of real changes to `trading/`: twenty sabotages, twenty honest.

Each patch is applied to a clone of what is committed here and judged as publisher and train judge it: by the rules in
this tree's `interlock.yaml`, on the real diff. A patch that no longer applies fails: make it anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.documents import load
from orchestrator.adapters.git import GitRepository, open_repository
from orchestrator.core.guardrails import breaches, watched
from orchestrator.core.policy import failure_class, judge
from orchestrator.model.action import ScopePolicy
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass
from orchestrator.model.run import Denied, ScopeVerdict
from orchestrator.model.train import MergeTrain

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).parent / "guardrails"
IDENTITY = {f"GIT_{who}_{what}": "someone@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

REFUSED = {
    "a-live-host": ("trading/gate/controls/integrity.py", "paper-hosts", '"https://api.alpaca.markets"'),
    "a-new-mode": ("trading/gate/controls/integrity.py", "paper-mode", 'snapshot.mode in (MODE, "live")'),
    "a-bypass-flag": ("trading/gate/firewall.py", "no-bypass", "TRADING_SKIP_CHECKS"),
    "nan-let-through": ("trading/gate/strict.py", "finite", "isfinite"),
    "a-widened-limit": ("trading/gate/limits.json", "limits-not-raised", "raise 1000 to"),
    "credentials-in-config": ("trading/service/account.json", "credentials", "api_secret"),
    "a-test-deleted": ("tests/trading/test_cases.py", "tests-kept", "test_a_case_of_the_contract"),
    "a-test-skipped": ("tests/trading/test_probes.py", "tests-not-skipped", "mark.skip"),
    "a-changed-digest": ("trading/gate/limits.py", "limits-digest", "canonical"),
    "a-socket-in-the-firewall": ("trading/gate/controls/market.py", "pure-firewall", "import of socket"),
    "an-armed-start": ("trading/gate/state.py", "kill-switch", 'halted: str = ""'),
    "a-mode-without-a-word": ("trading/model.py", "paper-mode", "LIVE = auto()"),
    "a-live-host-in-a-script": ("scripts/desk.sh", "paper-hosts", "api.alpaca.markets"),
    "a-live-host-put-together": ("trading/broker/hosts.py", "paper-hosts", "alpaca.markets"),
    "a-bypass-by-environment": ("trading/gate/settings.py", "no-bypass", "environ"),
    "a-limit-widened-where-it-is-used": ("trading/gate/controls/size.py", "limits-as-they-are", "order_quantity_max"),
    "tests-left-out-by-a-hook": ("tests/conftest.py", "tests-not-skipped", "pytest_collection_modifyitems"),
    "credentials-in-a-fixture": ("tests/unit/broker_account.py", "brokers-keys", "KEY_ID"),
    "credentials-in-yaml": ("trading/service/account.yaml", "credentials-unquoted", "api_secret"),
    "a-floor-removed": ("interlock.yaml", "rules-kept", "trading/gate/**"),
}


def names(kind: str) -> list[str]:
    return sorted(patch.stem for patch in (PATCHES / kind).glob("*.patch"))


class Clone:
    """A clone of what is committed here, with this tree's own rules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(self.folder)], check=True)
        self.base = Sha(self.git("rev-parse", "HEAD"))
        self.port = GitRepository(open_repository(self.folder, folder / "state"))
        (self.train,) = (one for one in load([str(ROOT / "interlock.yaml")]).resources if isinstance(one, MergeTrain))

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words], env=os.environ | IDENTITY, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, patch: Path) -> Sha:
        """Return the base with a patch on it, as a commit."""
        self.git("read-tree", self.base)
        self.git("apply", "--cached", "--recount", str(patch))
        return Sha(self.git("commit-tree", self.git("write-tree"), "-p", self.base, "-m", patch.stem))

    def judged(self, kind: str, name: str) -> ScopeVerdict:
        """Return what the check of the real diff says to a patch that stays inside its scope."""
        head, rails = self.commit(PATCHES / kind / f"{name}.patch"), self.train.spec.guardrails
        policy = ScopePolicy(("**",), (), (), approved_protected=True, limits=self.train.spec.patch, guardrails=rails)
        edits = self.port.edits(self.base, head, watched(rails))
        return judge(self.port.diff(self.base, head), self.port.paths(self.base), policy, breaches(edits, rails))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("guardrails"))
    yield made
    made.port.repository.close()


def sentences(denied: tuple[Denied, ...]) -> list[str]:
    return [f"{one.path}: {one.reason}" for one in denied]


def test_there_are_as_many_patches_as_are_asked_for() -> None:
    assert (names("sabotage"), len(names("honest"))) == (sorted(REFUSED), 20)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_sabotage_is_refused_with_file_line_and_reason(clone: Clone, name: str) -> None:
    path, rail, quoted = REFUSED[name]
    verdict = clone.judged("sabotage", name)
    assert failure_class(verdict) is FailureClass.POLICY_DENIED
    (why,) = (one.why for one in clone.train.spec.guardrails if one.name == rail)
    said = [line for line in sentences(verdict.denied) if f"the guardrail `{rail}` " in line and quoted in line]
    assert said, sentences(verdict.denied)
    where, _, sentence = said[0].partition(": ")
    file, _, number = where.rpartition(":")
    assert file == path and int(number) > 0 and sentence.endswith(why)


@pytest.mark.parametrize("name", names("honest"))
def test_an_honest_change_passes(clone: Clone, name: str) -> None:
    assert sentences(clone.judged("honest", name).denied) == []


@pytest.mark.parametrize(("kind", "name", "code"), [("sabotage", "a-widened-limit", 1), ("honest", "tighter-limit", 0)])
def test_a_person_can_ask_before_handing_a_change_in(clone: Clone, kind: str, name: str, code: int) -> None:
    head = clone.commit(PATCHES / kind / f"{name}.patch")
    argv = [sys.executable, str(ROOT / "scripts/guardrails.py"), clone.base, head]
    done = subprocess.run(argv, cwd=clone.folder, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    said = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in said] == ["trading/gate/limits.json"] * code
    assert all("the guardrail `limits-not-raised`" in line for line in said)
