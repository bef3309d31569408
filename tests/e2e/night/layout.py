"""The repository the swarm guide talks about, in small: its folders, its five lanes, the four items of its first wave.

Lane letters are the guide's. Files are only as many as the items touch and the tests need; everything runs offline with
the standard library.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

CORE, DATA, INFRA, RESEARCH, OBSERVABILITY = (
    "trading-core",
    "data-features",
    "infra-gitops",
    "research-harness",
    "runbooks",
)
FIREWALL, COSTS, REPLAY, LEDGER = "order-firewall", "cost-model", "replay-harness", "research-ledger"
ARRIVAL = (COSTS, REPLAY, LEDGER, FIREWALL)
"""The order of that night's pull requests."""
CONFIG = "services/torghut/app/config.py"
SERVICE_TESTS = "python3 -B -m unittest discover -q -s services/torghut/tests -t services/torghut"
REPLAY_TESTS = "python3 -B -m unittest discover -q -s packages/scripts/replay -t packages/scripts"

LANES: dict[str, list[str]] = {
    CORE: ["services/torghut/app/trading/**", CONFIG, "services/torghut/tests/**"],
    DATA: [
        "services/dorvud/technical-analysis-flink/**",
        "argocd/applications/torghut/ta/**",
        "services/dorvud/clickhouse/ddl/**",
    ],
    INFRA: ["argocd/applications/torghut/**", "kubernetes/**", "charts/**"],
    RESEARCH: ["packages/scripts/**"],
    OBSERVABILITY: ["docs/torghut/**"],
}

FILES = {
    "services/torghut/app/__init__.py": "",
    CONFIG: '"""What the service is told."""\n\nPAPER = True\n\n\nMAX_POSITION = 100\n',
    "services/torghut/app/trading/__init__.py": '"""Decisions, risk, execution."""\n',
    "services/torghut/app/trading/risk.py": "def allowed(size, limit):\n    return size <= limit\n",
    "services/torghut/tests/__init__.py": "",
    "services/torghut/tests/test_risk.py": (
        "import unittest\n\nfrom app.config import MAX_POSITION, PAPER\nfrom app.trading.risk import allowed\n\n\n"
        "class Risk(unittest.TestCase):\n"
        "    def test_paper_is_the_default(self):\n        self.assertIs(PAPER, True)\n\n"
        "    def test_too_much_is_refused(self):\n        self.assertFalse(allowed(MAX_POSITION + 1, MAX_POSITION))\n"
    ),
    "services/dorvud/technical-analysis-flink/job.kt": "// moving averages\n",
    "services/dorvud/clickhouse/ddl/signals.sql": "create table signals (at DateTime, name String);\n",
    "argocd/applications/torghut/kustomization.yaml": "resources: [deployment.yaml]\n",
    "argocd/applications/torghut/deployment.yaml": "kind: Deployment\n",
    "argocd/applications/torghut/ta/deployment.yaml": "kind: FlinkDeployment\n",
    "kubernetes/namespace.yaml": "kind: Namespace\n",
    "charts/torghut/Chart.yaml": "name: torghut\n",
    "packages/scripts/__init__.py": "",
    "packages/scripts/seed.py": "SEED = 7\n",
    "docs/torghut/design-system/v2/index.md": "# v2\n",
}

CONFIG_WITH_SWITCH = FILES[CONFIG].replace("PAPER = True\n", "PAPER = True\nKILL_SWITCH_FILE = '/etc/torghut/kill'\n")
CONFIG_WITH_COSTS = FILES[CONFIG] + "COST_BPS = 5\n"

FIREWALL_FILES = {
    "services/torghut/app/trading/firewall/__init__.py": (
        '"""The one gate every order passes. It can only deny."""\n\n\n'
        "def check(order, *, killed):\n    return not killed and order['quantity'] > 0\n"
    ),
    "services/torghut/tests/test_firewall.py": (
        "import unittest\n\nfrom app.trading.firewall import check\n\n\nclass Firewall(unittest.TestCase):\n"
        "    def test_nothing_passes_a_kill(self):\n"
        "        self.assertFalse(check({'quantity': 1}, killed=True))\n"
    ),
    "argocd/applications/torghut/kill-switch.yaml": "kind: ConfigMap\nmetadata: {name: kill-switch}\n",
}
COSTS_FILES = {
    "services/torghut/app/trading/costs/__init__.py": (
        "from app.config import COST_BPS\n\n\ndef cost(notional):\n    return notional * COST_BPS / 10_000\n"
    ),
    "services/torghut/tests/test_costs.py": (
        "import unittest\n\nfrom app.trading.costs import cost\n\n\nclass Costs(unittest.TestCase):\n"
        "    def test_five_basis_points(self):\n        self.assertEqual(cost(10_000), 5)\n"
    ),
}
REPLAY_FILES = {
    "packages/scripts/replay/__init__.py": "def replay(ticks):\n    return [tick * 2 for tick in ticks]\n",
    "packages/scripts/replay/test_replay.py": (
        "import unittest\n\nfrom replay import replay\n\n\nclass Replay(unittest.TestCase):\n"
        "    def test_the_same_ticks_give_the_same_run(self):\n"
        "        self.assertEqual(replay([1, 2]), replay([1, 2]))\n"
    ),
}
LEDGER_FILES = {
    "services/torghut/app/trading/research/__init__.py": "FIELDS = ('hypothesis', 'data', 'result')\n",
    "services/torghut/tests/test_research.py": (
        "import unittest\n\nfrom app.trading.research import FIELDS\n\n\nclass Ledger(unittest.TestCase):\n"
        "    def test_every_entry_names_its_data(self):\n        self.assertIn('data', FIELDS)\n"
    ),
}


@dataclass(frozen=True)
class Item:
    """One item of the guide's first wave."""

    name: str
    summary: str
    lanes: tuple[str, ...]
    tier: str
    paths: tuple[str, ...]
    validation: str

    def document(self) -> dict[str, object]:
        """Return the item as an ImplementationSpec. JSON is YAML."""
        return {
            "apiVersion": "interlock.dev/v1alpha1",
            "kind": "ImplementationSpec",
            "metadata": {"name": self.name},
            "spec": {
                "summary": self.summary,
                "objective": self.summary,
                "text": f"{self.summary}. Write only {{{{ scope.paths | join(', ') }}}}.",
                "lanes": list(self.lanes),
                "paths": list(self.paths),
                "outOfScope": ["No live trading path"],
                "acceptanceCriteria": ["Its tests pass"],
                "validation": [{"name": "unit", "run": self.validation}],
                "tier": self.tier,
                "contract": {"requiredKeys": ["repository", "base", "head", "stage"]},
            },
        }


FIREWALL_PATHS = (
    "services/torghut/app/trading/firewall/**",
    "services/torghut/tests/test_firewall.py",
    "argocd/applications/torghut/kill-switch.yaml",
)
ITEMS = {
    FIREWALL: Item(
        FIREWALL,
        "Order firewall and a true kill switch contract",
        (CORE, INFRA),
        "safety",
        FIREWALL_PATHS,
        SERVICE_TESTS,
    ),
    COSTS: Item(
        COSTS,
        "Cost model MVP",
        (CORE,),
        "validity",
        ("services/torghut/app/trading/costs/**", CONFIG, "services/torghut/tests/test_costs.py"),
        SERVICE_TESTS,
    ),
    REPLAY: Item(
        REPLAY,
        "Replay harness skeleton with deterministic fixtures",
        (RESEARCH,),
        "validity",
        ("packages/scripts/replay/**",),
        REPLAY_TESTS,
    ),
    LEDGER: Item(
        LEDGER,
        "Research ledger schema",
        (CORE,),
        "strategy",
        ("services/torghut/app/trading/research/**", "services/torghut/tests/test_research.py"),
        SERVICE_TESTS,
    ),
}


def build(folder: Path, scenes: dict[str, list[dict[str, object]]], items: list[Item]) -> Path:
    """Return a committed repository below `folder` with lanes, train and these items; `scenes` play beside it."""
    repository, agents = folder / "lab", folder / "agents"
    for name, text in FILES.items():
        write(repository / name, text)
    agent = Path(__file__).with_name("agent.py")
    write(agents / "agent.py", agent.read_text())
    write(agents / "script.json", json.dumps(scenes))
    for lane, own in LANES.items():
        spec = {"own": own, "agent": "scripted"}
        if lane == OBSERVABILITY:
            spec["protected"] = ["interlock.yaml", "lanes/**", "specs/**"]
        write(repository / f"lanes/{lane}.yaml", _document("Lane", lane, spec))
    train = {
        "repository": ".",
        "base": "main",
        "gates": [{"name": "service", "run": SERVICE_TESTS}],
        "floors": [{"paths": ["services/torghut/app/trading/firewall/**"], "tier": "safety"}],
    }
    provider = {
        "adapter": "command",
        "command": ["python3", "-S", "-I", "../agents/agent.py"],
        "limits": {"timeout": "2m"},
    }
    documents = [_document("MergeTrain", "main", train), _document("AgentProvider", "scripted", provider)]
    write(repository / "interlock.yaml", "\n---\n".join(documents))
    for item in items:
        write(repository / f"specs/{item.name}.yaml", json.dumps(item.document(), indent=2) + "\n")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "config", "user.name", "night")
    git(repository, "config", "user.email", "night@interlock.invalid")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "The lab before that night")
    return repository


def git(repository: Path, *arguments: str) -> str:
    """Run git there and return what it says."""
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _document(kind: str, name: str, spec: dict[str, object]) -> str:
    return json.dumps(
        {"apiVersion": "interlock.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}, indent=2
    )
