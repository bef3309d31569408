"""What the API server takes and refuses of each kind, written as people write it, and what they then read."""

from __future__ import annotations

import pytest

from orchestrator.model.kinds import BY_KIND
from tests.kube.plane import Plane

pytestmark = pytest.mark.kube

GATE = "{name: test, run: make check}"
SPEC = "summary: Do it, lane: a, paths: [src/**]"
KEY = f"tree: t, commit: c, gate: {GATE}, gateDigest: d, environment: e"

# Kind, what is its spec, and how the refusal reads (None: taken). Everything a document leaves out has a default.
TAKEN: list[tuple[str, str]] = [
    ("Roadmap", 'markdown: "# Roadmap"'),
    ("Roadmap", "file: {path: docs/roadmap.md, ref: main}, mode: PullRequest, defaults: {lane: a, tier: safety}"),
    ("Lane", ""),
    ("Lane", f"own: ['a/**', '*.py', '[!a]?', '\\*'], shared: [x], gates: [{GATE}], maxRuns: 1, agent: shell"),
    ("Lane", "generated: [{paths: ['**/*.lock'], regenerate: make lock}], protected: ['.github/**']"),
    ("ImplementationSpec", SPEC),
    ("ImplementationSpec", "summary: Do it, lanes: [a, b], paths: [src], tier: strategy, priority: -1000000"),
    (
        "ImplementationSpec",
        f"{SPEC}, dependsOn: [other], validation: [{{name: t, run: x, timeout: 1h30m, couldNotRun: {{exit: [3]}}}}]",
    ),
    ("AgentRun", "implementationSpecRef: {name: a}, agentRef: {name: shell}"),
    (
        "AgentRun",
        "implementationSpecRef: {name: a}, agentRef: {name: shell}, timeout: 8784h, budget: {costUsd: '0.000000001'}",
    ),
    ("AgentProvider", "adapter: command, command: [sh, agent.sh], env: {allow: [LANG]}, limits: {timeout: 10m}"),
    ("AgentProvider", "adapter: codex"),
    ("MergeTrain", ""),
    ("MergeTrain", f"repository: /srv/repo.git, gates: [{GATE}], window: {{start: 1, min: 1, max: 1}}, runs: 1"),
    ("MergeTrain", 'tierBarrier: "off", speculation: "off", paused: true, patch: {maxFiles: 1}'),
    ("Decision", "verb: approve, subject: order-firewall, head: 1f2e, reason: I read it"),
    ("Decision", 'verb: priority, subject: order-firewall, value: "-5"'),
    ("Validation", f"{KEY}, purpose: candidate, subject: a"),
    ("Validation", f"{KEY}, purpose: control"),
]
REFUSED: list[tuple[str, str, str]] = [
    ("Roadmap", "", "spec: Invalid value: a Roadmap has `spec.markdown` or `spec.file`, not both and not neither"),
    ("Roadmap", "markdown: x, file: {path: a.md}", "not both and not neither"),
    ("Roadmap", "markdown: x, mode: Push", 'spec.mode: Unsupported value: "Push": supported values: "Apply", "PullRe'),
    ("Lane", "own: [/a]", "a pattern is a path from the repository's root: no `/` or `!` before it, no `//`"),
    (
        "Lane",
        "own: ['a**']",
        'spec.own[0]: Invalid value: "a**": a pattern is made of names, `*`, `?`, clos',
    ),
    ("Lane", "shared: ['!a']", 'spec.shared[0]: Invalid value: "!a": a pattern is a path from the reposi'),
    ("Lane", "protected: ['']", "spec.protected[0] in body should be at least 1 chars long"),
    ("Lane", "generated: [{paths: [a]}]", "spec.generated[0].regenerate: Required value"),
    ("Lane", "maxRuns: 0", "spec.maxRuns in body should be greater than or equal to 1"),
    ("Lane", f"gates: [{GATE}, {GATE}]", 'spec.gates[1]: Duplicate value: {"name":"test"}'),
    ("Lane", "owns: [a]", 'unknown field "spec.owns"'),
    ("ImplementationSpec", "summary: x, lane: a", "spec.paths: Required value"),
    ("ImplementationSpec", "summary: x, lane: a, paths: []", "spec.paths in body should have at least 1 items"),
    ("ImplementationSpec", "summary: x, paths: [a]", "`spec.lane` is missing: the lane whose files it writes"),
    ("ImplementationSpec", f"{SPEC}, lanes: [b]", "spec.lanes: Invalid value: give `lane`, or `lanes` for work across"),
    (
        "ImplementationSpec",
        f"{SPEC}, dependsOn: [it]",
        "spec.dependsOn: Invalid value: an item cannot need itself; dro",
    ),
    ("ImplementationSpec", 'summary: "a\\nb", lane: a, paths: [a]', "`spec.summary` is one line that says what is don"),
    ("ImplementationSpec", f"{SPEC}, tier: urgent", 'spec.tier: Unsupported value: "urgent": supported values: "safet'),
    ("ImplementationSpec", f"{SPEC}, priority: 1000001", "spec.priority in body should be less than or equal to 10000"),
    ("ImplementationSpec", f"{SPEC}, train: Main", "spec.train in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"),
    (
        "ImplementationSpec",
        f"{SPEC}, validation: [{{name: t, run: ' '}}]",
        "the gate has no command",
    ),
    ("ImplementationSpec", f"{SPEC}, validation: [{{name: t, run: x, timeout: 0s}}]", "a limit is at least a millisec"),
    ("ImplementationSpec", f"{SPEC}, validation: [{{name: t, run: x, timeout: 5}}]", "timeout in body must be of type"),
    ("ImplementationSpec", f"{SPEC}, safetyGates: {{credentials: changed}}", "should match '^unchanged$'"),
    ("AgentRun", "agentRef: {name: shell}", "spec.implementationSpecRef: Required value"),
    (
        "AgentRun",
        "implementationSpecRef: {name: a}, agentRef: {name: s}, budget: {costUsd: 1.5}",
        'spec.budget.costUsd in body must be of type string: "number"',
    ),
    ("AgentProvider", "adapter: command", "spec: Invalid value: `spec.command` is missing: the program and its argu"),
    ("AgentProvider", "adapter: magic, command: [x]", 'spec.adapter: Unsupported value: "magic"'),
    ("AgentProvider", "adapter: codex, env: {allow: [A-B]}", "spec.env.allow[0] in body should match"),
    ("MergeTrain", "window: {start: 5, max: 4}", "spec.window: Invalid value: a window has min ≤ start ≤ max"),
    ("MergeTrain", "base: -x", "spec.base in body should match"),
    ("MergeTrain", "gates: [{name: test}]", "spec.gates[0].run: Required value"),
    ("MergeTrain", "floors: [{paths: [], tier: safety}]", "spec.floors[0].paths in body should have at least 1 items"),
    ("MergeTrain", "paused: maybe", 'spec.paused in body must be of type boolean: "string"'),
    ("Decision", "verb: approv, subject: x", 'spec.verb: Unsupported value: "approv": supported values: "approve", '),
    ("Decision", "verb: approve", "spec.subject: Required value"),
    ("Decision", "verb: priority, subject: x", "spec.value: Invalid value: `spec.value` is the new priority, a whole"),
    ("Decision", "verb: priority, subject: x, value: high", "a whole number in quotes"),
    ("Validation", KEY, "spec.purpose: Required value"),
    ("Validation", f"{KEY}, purpose: fun", 'spec.purpose: Unsupported value: "fun": supported values: "item", "candi'),
]


def document(kind: str, spec: str, name: str = "it") -> str:
    return f"apiVersion: interlock.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def test_every_kind_has_documents_of_both_sorts() -> None:
    assert {kind for kind, _ in TAKEN} == {kind for kind, _, _ in REFUSED} == set(BY_KIND)


def test_what_is_in_order_is_taken(plane: Plane, namespace: str) -> None:
    documents = "---\n".join(document(kind, spec, f"it-{at}") for at, (kind, spec) in enumerate(TAKEN))
    told = plane.kubectl("create", "-f", "-", "--validate=strict", namespace=namespace, stdin=documents)
    made = [f"{kind.lower()}.interlock.dev/it-{at} created" for at, (kind, _) in enumerate(TAKEN)]
    assert told.out.splitlines() == made


@pytest.mark.parametrize(("kind", "spec", "says"), REFUSED, ids=lambda word: word[:60])
def test_what_is_not_in_order_is_refused_in_words(
    plane: Plane, namespace: str, kind: str, spec: str, says: str
) -> None:
    told = plane.kubectl(
        "create", "-f", "-", "--validate=strict", namespace=namespace, stdin=document(kind, spec), check=False
    )
    assert (told.code, told.out) == (1, "")
    assert says in told.err
    # A sentence of ours, or a field and what it must be: nothing of expressions, and never the document back.
    assert "self." not in told.err and len(told.err) < 1500


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("Lane", "Trading", "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"),
        ("Lane", "a.b", "metadata.name in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"),
        ("Lane", "x" * 64, "metadata.name: Too long: may not be more than 63 bytes"),
        ("ImplementationSpec", "x" * 57, "metadata.name: Too long: may not be more than 56 bytes"),
    ],
    ids=["upper case", "dot", "long", "no room for a run's number"],
)
def test_a_name_that_is_no_ref_is_refused(plane: Plane, namespace: str, kind: str, name: str, says: str) -> None:
    spec = SPEC if kind == "ImplementationSpec" else ""
    told = plane.kubectl("create", "-f", "-", namespace=namespace, stdin=document(kind, spec, name), check=False)
    assert (told.code, says in told.err) == (1, True), told.err


def test_a_word_that_yaml_1_1_takes_for_a_boolean_is_named_with_its_field(plane: Plane, namespace: str) -> None:
    # kubectl reads YAML 1.1, where a bare off, no or y is false or true.
    train = document("MergeTrain", "tierBarrier: off")
    told = plane.kubectl("create", "-f", "-", namespace=namespace, stdin=train, check=False)
    assert 'spec.tierBarrier in body must be of type string: "boolean"' in told.err
    for field in ("tierBarrier", "speculation"):
        explained = " ".join(plane.kubectl("explain", f"mergetrains.spec.{field}").out.split())
        assert '"off" in quotes: a bare word is false to kubectl' in explained


def test_a_word_is_said_for_good(plane: Plane, namespace: str) -> None:
    said = document("Decision", "verb: hold, subject: a, reason: not yet")
    plane.kubectl("create", "-f", "-", namespace=namespace, stdin=said)
    taken_back = plane.kubectl(
        "patch",
        "decision",
        "it",
        "--type=merge",
        "-p",
        '{"spec": {"reason": "never"}}',
        namespace=namespace,
        check=False,
    )
    assert (taken_back.code, "a word is never changed; say another" in taken_back.err) == (1, True)
    heard = '{"status": {"effective": true}}'
    plane.kubectl("patch", "decision", "it", "--subresource=status", "--type=merge", "-p", heard, namespace=namespace)


def test_people_change_the_spec_and_the_leader_the_status(plane: Plane, namespace: str) -> None:
    def ask(path: str) -> str:
        return plane.kubectl("get", "spec", "it", "-o", f"jsonpath={{{path}}}", namespace=namespace).out

    text = document("ImplementationSpec", SPEC) + "status: {phase: Landed}\n"
    plane.kubectl("create", "-f", "-", namespace=namespace, stdin=text)
    assert (ask(".status"), ask(".metadata.generation")) == ("", "1")
    stalled = '{"status": {"phase": "Stalled", "message": "x"}, "spec": {"summary": "changed"}}'
    plane.kubectl("patch", "spec", "it", "--subresource=status", "--type=merge", "-p", stalled, namespace=namespace)
    assert (ask(".status.phase"), ask(".spec.summary"), ask(".metadata.generation")) == ("Stalled", "Do it", "1")
    plane.kubectl("patch", "spec", "it", "--type=merge", "-p", '{"spec": {"priority": 1}}', namespace=namespace)
    assert (ask(".status.phase"), ask(".metadata.generation")) == ("Stalled", "2")
    phase = '{"status": {"phase": "Nowhere"}}'
    told = plane.kubectl(
        "patch", "spec", "it", "--subresource=status", "--type=merge", "-p", phase, namespace=namespace, check=False
    )
    assert 'status.phase: Unsupported value: "Nowhere"' in told.err
