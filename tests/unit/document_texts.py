"""Documents as people write them: those of the contract, and some with one mistake each and what is said about it."""

from __future__ import annotations

from orchestrator.adapters.documents import load_bytes

HEAD = "apiVersion: interlock.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"


TRAIN = HEAD.format(kind="MergeTrain", name="main")


LANE = HEAD.format(kind="Lane", name="trading")


SPEC = HEAD.format(kind="ImplementationSpec", name="order-firewall")


PROVIDER = HEAD.format(kind="AgentProvider", name="scripted")


# The documents of CONTRACT §1, comments included.
CONTRACT = """\
# interlock.yaml: several documents in one file are fine
apiVersion: interlock.dev/v1alpha1
kind: MergeTrain
metadata: {name: main}
spec:
  repository: .                     # a path, or https://github.com/OWNER/NAME
  base: main
  gates: [{name: test, run: "make check", timeout: 5m}]
  runs: 2                           # validations running at once
  window: {start: 4, min: 1, max: 16}
  batch: {max: 1}                   # 1 = no batching
  speculation: bestFirst            # bestFirst | prefix | off
  tierBarrier: strict               # strict | ready | off
  retries: {flaky: 1, infra: 3}
  approvals: {safety: 0, validity: 0, execution: 0, strategy: 0}
  floors: [{paths: ["**/firewall/**"], tier: safety}]
  patch: {maxFiles: 300, maxLines: 10000}
---
apiVersion: interlock.dev/v1alpha1
kind: AgentProvider
metadata: {name: scripted}
spec:
  adapter: command                  # command | codex | claude | opencode
  command: ["sh", "agent.sh"]       # argv, run in the workspace
  env: {allow: [LANG]}
  limits: {timeout: 10m}
---
apiVersion: interlock.dev/v1alpha1
kind: Lane                          # lanes/trading.yaml
metadata: {name: trading}
spec:
  own: ["services/torghut/app/trading/**", "services/torghut/tests/**"]
  shared: ["services/torghut/app/config.py"]
  generated: [{paths: ["services/torghut/requirements.lock"], regenerate: "make lock"}]
  protected: [".github/**"]
  maxRuns: 2
  agent: scripted
---
apiVersion: interlock.dev/v1alpha1
kind: ImplementationSpec            # specs/order-firewall.yaml
metadata: {name: order-firewall}
spec:
  summary: Order firewall and kill switch contract
  objective: Every order passes one gate that can only deny.
  text: "…the prompt, jinja2…"
  lane: trading
  paths: ["services/torghut/app/trading/firewall/**"]
  outOfScope: ["No live trading path"]
  acceptanceCriteria: ["An order without a fresh quote is denied"]
  validation: [{name: unit, run: "pytest -q services/torghut/tests", timeout: 10m}]
  tier: safety                      # safety | validity | execution | strategy
  roadmap: default                  # the barrier holds inside one roadmap
  train: main
  contract: {requiredKeys: [repository, base, head, stage]}
  dependsOn: []
  priority: 0
  safetyGates: {paperOnly: true, credentials: unchanged}
"""


def said(text: str, path: str = "x.yaml") -> list[str]:
    """Return every problem of a file with this text, as a person reads it."""
    return [str(problem) for problem in load_bytes(text.encode(), path).problems]


MISTAKES = {
    # name: (text, what is said)
    "unknown field": (
        TRAIN + "spec:\n  gates:\n  - {name: test, runs: make}\n",
        [
            "x.yaml:6:5: `spec.gates[0].run` is missing: the command, such as `make check`",
            "x.yaml:6:18: no field in `spec.gates[0]` is called `runs` (did you mean `run`?); "
            "fields: `couldNotRun`, `inputs`, `name`, `run` and `timeout`",
        ],
    ),
    "field in Python's spelling": (
        LANE + "spec:\n  max_runs: 2\n",
        [
            "x.yaml:5:3: no field in `spec` is called `max_runs` (did you mean `maxRuns`?); "
            "fields: `agent`, `gates`, `generated`, `maxRuns`, `own`, `protected`, `reviewers` and `shared`"
        ],
    ),
    "unknown kind": (
        "apiVersion: interlock.dev/v1alpha1\nkind: Lanes\n",
        [
            "x.yaml:2:7: no kind is called `Lanes` (did you mean `Lane`?); kinds: `Roadmap`, `Lane`, "
            "`ImplementationSpec`, `AgentRun`, `AgentProvider`, `MergeTrain`, `Decision` or `Validation`"
        ],
    ),
    "no kind": (
        "apiVersion: interlock.dev/v1alpha1\nmetadata: {name: x}\n",
        [
            "x.yaml:1:1: `kind` is missing: `Roadmap`, `Lane`, `ImplementationSpec`, `AgentRun`, `AgentProvider`, "
            "`MergeTrain`, `Decision` or `Validation`"
        ],
    ),
    "another project's document": (
        "apiVersion: apps/v1\nkind: Deployment\n",
        ["x.yaml:1:13: apiVersion is `interlock.dev/v1alpha1`, not `apps/v1`: this is no Interlock document"],
    ),
    "another version": (
        LANE.replace("v1alpha1", "v2") + "spec: {}\n",
        ["x.yaml:1:13: apiVersion is `interlock.dev/v1alpha1`, not `interlock.dev/v2`"],
    ),
    "no spec": (
        LANE,
        ["x.yaml:1:1: `spec` is missing: everything but apiVersion, kind and metadata stands below it"],
    ),
    "no name": (
        LANE.replace("{name: trading}", "{}") + "spec: {}\n",
        ["x.yaml:3:1: `metadata.name` is missing: a short name"],
    ),
    "a name that is none": (
        LANE.replace("trading", "Trading_Lane") + "spec: {}\n",
        [
            "x.yaml:3:12: `metadata.name` is a name of lowercase letters, digits and `-`, such as `order-firewall`, "
            "not `Trading_Lane`"
        ],
    ),
    "a spec's name that leaves no room for a run's number": (
        SPEC.replace("order-firewall", "a" * 57) + "spec: {summary: x, lane: a, paths: [x]}\n",
        ["x.yaml:3:12: `metadata.name` is longer than 56 characters"],
    ),
    "number for text": (
        TRAIN + "spec:\n  base: 5\n",
        ["x.yaml:5:9: `spec.base` is a text, not `5`; put quotes around it"],
    ),
    "text for number": (
        TRAIN + "spec:\n  runs: two\n",
        ["x.yaml:5:9: `spec.runs` is a whole number, not `two`"],
    ),
    "quoted number": (
        TRAIN + 'spec:\n  runs: "2"\n',
        ["x.yaml:5:9: `spec.runs` is a whole number, not `2`; remove the quotes"],
    ),
    "number out of bounds": (
        TRAIN + "spec:\n  runs: 0\n  retries: {flaky: 99}\n",
        ["x.yaml:5:9: `spec.runs` is at least 1, not `0`", "x.yaml:6:20: `spec.retries.flaky` is at most 10, not `99`"],
    ),
    "yes for true": (
        TRAIN + "spec:\n  paused: yes\n",
        ["x.yaml:5:11: `spec.paused` is `true` or `false`, not `yes`; write `true`"],
    ),
    "text for list": (
        LANE + "spec:\n  own: src/**\n",
        ["x.yaml:5:8: `spec.own` is a list, not `src/**`; write `[src/**]`"],
    ),
    "list for mapping": (
        TRAIN + "spec:\n  window:\n  - 1\n",
        ["x.yaml:5:3: `spec.window` is a mapping, not a list"],
    ),
    "word outside its list": (
        TRAIN + "spec:\n  speculation: bestfirst\n",
        [
            "x.yaml:5:16: `spec.speculation` is `bestFirst`, `prefix` or `off`, not `bestfirst` "
            "(did you mean `bestFirst`?)"
        ],
    ),
    "duration": (
        PROVIDER + "spec: {adapter: command, command: [x], limits: {timeout: 5 minutes}}\n",
        ["x.yaml:4:58: `spec.limits.timeout` is a span of time such as `90s`, `5m` or `1h30m`, not `5 minutes`"],
    ),
    "no time at all": (
        PROVIDER + "spec: {adapter: command, command: [x], limits: {timeout: 0s}}\n",
        ["x.yaml:4:49: a limit is at least a millisecond and at most a year of 366 days, not `0s`"],
    ),
    "field without value": (
        TRAIN + "spec:\n  gates:\n",
        ["x.yaml:5:3: `spec.gates` has no value; give it one or remove the line"],
    ),
    "empty list where something must be": (
        SPEC + "spec:\n  summary: x\n  lane: a\n  paths: []\n",
        ["x.yaml:7:3: `spec.paths` is empty; it needs at least 1 element"],
    ),
    "key given twice": (
        LANE + "spec:\n  maxRuns: 1\n  maxRuns: 2\n",
        ["x.yaml:6:3: the key `maxRuns` is given twice, first in line 5; keep one of them"],
    ),
    "key that is no text": (
        LANE + "spec:\n  1: x\n",
        ["x.yaml:5:3: the key `1` is no text; put quotes around it"],
    ),
    "key that is a list": (
        LANE + "spec:\n  ? [a]\n  : x\n",
        ["x.yaml:5:5: a key is one word or text, not a mapping or list"],
    ),
    "tab": (
        LANE + "spec:\n\tmaxRuns: 1\n",
        ["x.yaml:5:1: a tab stands where YAML wants spaces; indent with spaces"],
    ),
    "pattern without quotes": (
        LANE + "spec:\n  own:\n    - *.py\n",
        ["x.yaml:6:7: `*.py` names no anchor above it; put quotes around a pattern that begins with `*`"],
    ),
    "pattern with two stars without quotes": (
        LANE + "spec:\n  own:\n    - **/x\n",
        [
            "x.yaml:6:7: `**/x` names no anchor above it; put quotes around a pattern that begins with `*`",
        ],
    ),
    "colon in a text": (
        SPEC + "spec:\n  summary: Firewall: deny\n",
        [
            "x.yaml:5:20: a `:` stands where no value can begin: check the indentation, "
            "and put quotes around text with `: ` in it"
        ],
    ),
    "quote never closed": (
        SPEC + "spec:\n  summary: 'Firewall\n",
        ["x.yaml:5:12: a quote is opened and never closed"],
    ),
    "bracket never closed": (
        LANE + "spec:\n  own: [a, b\n  maxRuns: 2\n",
        ["x.yaml:5:8: a `[` is never closed, or a comma is missing"],
    ),
    "tag": (
        LANE + "spec:\n  own: [!!python/name:os.system x]\n",
        ["x.yaml:5:9: the tag `python/name:os.system` means nothing here; remove it"],
    ),
    "no mapping": (
        "hello\n",
        ["x.yaml:1:1: a document is a mapping with apiVersion, kind, metadata and spec, not `hello`"],
    ),
    "pattern": (
        LANE + 'spec:\n  own: ["/src", "a/b"]\n',
        ["x.yaml:5:9: the pattern `/src`: patterns start at the repository's root; drop the `/` at the beginning"],
    ),
    "two gates of one name": (
        TRAIN + "spec:\n  gates:\n  - {name: t, run: a}\n  - {name: t, run: b}\n",
        ["x.yaml:7:6: two gates have one name; give one of them another (`t`)"],
    ),
    "window": (
        TRAIN + "spec:\n  window: {start: 20}\n",
        ["x.yaml:5:3: a window has min ≤ start ≤ max, not 1 ≤ 20 ≤ 16"],
    ),
    "lane and lanes": (
        SPEC + "spec:\n  summary: x\n  paths: [x]\n  lane: a\n  lanes: [b]\n",
        ["x.yaml:8:3: give `lane`, or `lanes` for work across several, not both"],
    ),
    "no lane": (
        SPEC + "spec:\n  summary: x\n  paths: [x]\n",
        ["x.yaml:4:1: `spec.lane` is missing: the lane whose files it writes (or `lanes`)"],
    ),
    "a summary that would smuggle in trailers": (
        SPEC + 'spec:\n  summary: "x\\n\\nInterlock-Spec: y"\n  paths: [x]\n  lane: a\n',
        ["x.yaml:5:3: `spec.summary` is one line that says what is done"],
    ),
    "control character": (
        SPEC + 'spec:\n  summary: "\\0"\n  paths: [x]\n  lane: a\n',
        ["x.yaml:5:12: a text holds the control character U+0000; remove it"],
    ),
    "command adapter without a command": (
        PROVIDER + "spec: {adapter: command}\n",
        ["x.yaml:4:1: `spec.command` is missing: the program and its arguments, such as `[sh, agent.sh]`"],
    ),
    "twice the same object": (
        LANE + "spec: {}\n---\n" + LANE + "spec: {maxRuns: 2}\n",
        ["x.yaml:8:12: Lane `trading` is also defined in x.yaml:1; keep one of them"],
    ),
}
