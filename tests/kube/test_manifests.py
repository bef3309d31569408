"""The manifests build, a real server takes them, and they give everybody what is written here and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from ruamel.yaml import YAML

from tests.kube.plane import ROOT, Plane

pytestmark = pytest.mark.kube

MANIFESTS = ROOT / "manifests"
FOLDERS = sorted(path.parent.relative_to(MANIFESTS) for path in MANIFESTS.rglob("kustomization.yaml"))
NAMESPACE = "interlock"
READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete"})
VERBS = sorted(READ | WRITE | {"deletecollection"})
KINDS = (
    "agentproviders", "agentruns", "decisions", "implementationspecs", "lanes", "mergetrains", "roadmaps",
    "validations",
)  # fmt: skip
RESOURCES = (
    *(f"{kind}.interlock.dev" for kind in KINDS),
    "trailpages.interlock.dev",
    *(f"{kind}.interlock.dev/status" for kind in KINDS),
    "leases.coordination.k8s.io",
    "events",
    "events.events.k8s.io",
    "pods",
    "pods/exec",
    "secrets",
    "configmaps",
    "serviceaccounts",
    "serviceaccounts/token",
    "namespaces",
    "jobs.batch",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
)
Rights = Mapping[str, frozenset[str]]
_EVERY_KIND = {f"{kind}.interlock.dev": READ for kind in KINDS}
_VIEW: Rights = {**_EVERY_KIND, "trailpages.interlock.dev": READ, "events": READ}
# Who may do what in the leader's namespace. What is not here is refused; elsewhere nobody may do anything.
TABLE: Mapping[str, Rights] = {
    "leader": {
        **_EVERY_KIND,
        "agentruns.interlock.dev": READ | {"create"},
        "implementationspecs.interlock.dev": READ | {"create"},
        "validations.interlock.dev": READ | {"create"},
        "agentruns.interlock.dev/status": frozenset({"patch"}),
        "decisions.interlock.dev/status": frozenset({"patch"}),
        "implementationspecs.interlock.dev/status": frozenset({"patch"}),
        "mergetrains.interlock.dev/status": frozenset({"patch"}),
        "validations.interlock.dev/status": frozenset({"patch"}),
        "trailpages.interlock.dev": frozenset({"create", "get", "list", "patch", "delete"}),
        "leases.coordination.k8s.io": frozenset({"create"}),
        "events": frozenset({"create", "list", "patch"}),
    },
    "author": {
        **_VIEW,
        "implementationspecs.interlock.dev": READ | WRITE,
        "roadmaps.interlock.dev": READ | WRITE,
    },
    "reviewer": {**_VIEW, "decisions.interlock.dev": READ | {"create"}, "events": READ | {"create"}},
    "viewer": _VIEW,
    "operator": {
        **_VIEW,
        **{
            f"{kind}.interlock.dev": READ | WRITE
            for kind in KINDS
            if kind not in ("agentruns", "decisions", "validations")
        },
    },
    "nobody": {},
}
# Of one lease, by name.
LEASE: Rights = {
    "leader": frozenset({"create", "get", "update"}),
    **{role: frozenset({"get"}) for role in ("author", "reviewer", "viewer", "operator")},
    "nobody": frozenset(),
}


@pytest.fixture(scope="module")
def installed() -> Iterator[Plane]:
    """Yield a plane on which the manifests are installed as a person would, and people have their roles."""
    with Plane.start() as plane:
        told = plane.kubectl("apply", "--server-side", "-k", MANIFESTS / "overlays/inside")
        assert "Warning" not in told.err
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        for role in ("author", "reviewer", "viewer", "operator"):
            for given in {role, "viewer"}:
                name = f"{role}-{given}"
                words = ["create", "rolebinding", name, f"--clusterrole=interlock-{given}", f"--group={role}s"]
                plane.kubectl(*words, namespace=NAMESPACE)
        yield plane


def identity(plane: Plane, role: str) -> Path:
    """Return the kubeconfig of somebody in the role."""
    if role == "leader":
        return plane.account(NAMESPACE, "interlock-leader")
    return plane.user(role, f"{role}s")


def may(client: httpx.Client, verb: str, resource: str, namespace: str, name: str = "") -> bool:
    """Return what the server says somebody may do: what `kubectl auth can-i` asks."""
    kind, _, part = resource.partition("/")
    plural, _, group = kind.partition(".")
    asked = {
        "verb": verb,
        "resource": plural,
        "group": group,
        "subresource": part,
        "namespace": namespace,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    told = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    assert told.status_code == 201, told.text
    allowed: bool = told.json()["status"]["allowed"]
    return allowed


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_folder_builds_and_a_server_takes_it(installed: Plane, folder: Path) -> None:
    built = installed.kubectl("kustomize", MANIFESTS / folder)
    documents = list(YAML(typ="safe").load_all(built.out))
    told = installed.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-",
        stdin=built.out, namespace=None if "overlays" in folder.parts else NAMESPACE,
    )  # fmt: skip
    assert (len(told.out.splitlines()), told.err, built.err) == (len(documents), "", "")


def test_every_manifest_is_part_of_some_folder() -> None:
    listed = set()
    for folder in FOLDERS:
        kustomization = YAML(typ="safe").load((MANIFESTS / folder / "kustomization.yaml").read_text())
        listed |= {(MANIFESTS / folder / name).resolve() for name in kustomization["resources"]}
    files = {path for path in MANIFESTS.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files - listed == set()


@pytest.mark.parametrize("role", TABLE)
def test_a_role_may_do_what_the_table_says_and_nothing_else(installed: Plane, role: str) -> None:
    with installed.client(identity(installed, role)) as client:
        found = {
            resource: verbs
            for resource in RESOURCES
            if (verbs := frozenset(verb for verb in VERBS if may(client, verb, resource, NAMESPACE)))
        }
        lease = frozenset(
            verb for verb in VERBS if may(client, verb, "leases.coordination.k8s.io", NAMESPACE, "interlock-leader")
        )
        elsewhere = [
            f"{verb} {kind}"
            for verb in VERBS
            for kind in KINDS
            if may(client, verb, f"{kind}.interlock.dev", "default")
        ]
    assert found == TABLE[role]
    assert (lease, elsewhere) == (LEASE[role], [])


@pytest.mark.parametrize("role", ["leader", "author", "reviewer", "viewer", "operator"])
def test_kubectl_lists_no_other_rule_than_the_tables(installed: Plane, role: str) -> None:
    # What nobody thought of: every rule the server knows for this identity, beside those that everybody has.
    told = installed.kubectl("auth", "can-i", "--list", namespace=NAMESPACE, kubeconfig=identity(installed, role)).out
    rules: dict[str, frozenset[str]] = {}
    for line in told.splitlines()[1:]:
        found = re.fullmatch(r"(\S+) +\[(.*?)\] +\[(.*?)\] +\[(.*?)\]", line.rstrip())
        if found and not found[1].startswith("self"):
            rules[found[1]] = rules.get(found[1], frozenset()) | frozenset(found[4].split())
    allowed = {**TABLE[role], "leases.coordination.k8s.io": LEASE[role]}
    assert rules == {resource: verbs for resource, verbs in allowed.items() if verbs}


def test_the_leader_acts_as_itself_and_as_nobody_else(installed: Plane) -> None:
    leader = identity(installed, "leader")
    told = installed.kubectl("get", "specs", "--as=system:admin", namespace=NAMESPACE, kubeconfig=leader, check=False)
    assert (told.code, "Forbidden" in told.err) == (1, True)
    refused = installed.kubectl(
        "create", "token", "interlock-leader", namespace=NAMESPACE, kubeconfig=leader, check=False
    )
    assert 'cannot create resource "serviceaccounts/token"' in refused.err


def test_who_may_view_a_namespace_sees_ours_in_it(installed: Plane) -> None:
    installed.kubectl("create", "rolebinding", "plain", "--clusterrole=view", "--group=plain", namespace=NAMESPACE)
    plain = installed.user("plain", "plain")
    # kubectl looks up anew what it did not know a name for, but not a category.
    for names in ("specs", "interlock"):
        assert installed.kubectl("get", names, namespace=NAMESPACE, kubeconfig=plain).code == 0


def test_what_a_role_must_not_is_refused_in_words(installed: Plane) -> None:
    author, viewer = identity(installed, "author"), identity(installed, "viewer")
    train = '{"apiVersion": "interlock.dev/v1alpha1", "kind": "MergeTrain", "metadata": {"name": "main"}, "spec": {}}'
    told = installed.kubectl(
        "apply", "--server-side", "-f", "-", namespace=NAMESPACE, kubeconfig=author, stdin=train, check=False
    )
    assert 'User "author" cannot patch resource "mergetrains" in API group "interlock.dev"' in told.err
    spec = train.replace("MergeTrain", "ImplementationSpec").replace(
        "{}}", '{"summary": "x", "lane": "a", "paths": ["a"]}}'
    )
    for who, code in ((viewer, 1), (author, 0)):
        told = installed.kubectl(
            "apply", "--server-side", "-f", "-", namespace=NAMESPACE, kubeconfig=who, stdin=spec, check=False
        )
        assert told.code == code, told.err
    landed = spec.replace('"spec": {', '"status": {"phase": "Landed"}, "spec": {')
    forged = installed.kubectl(
        "apply", "--server-side", "--subresource=status", "-f", "-",
        namespace=NAMESPACE, kubeconfig=author, stdin=landed, check=False,
    )  # fmt: skip
    assert 'cannot patch resource "implementationspecs/status"' in forged.err
