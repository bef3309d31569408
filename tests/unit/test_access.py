"""What `doctor --kube` asks for is what the manifests give: a right more or less would be said or left out wrongly."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from orchestrator.adapters.kubernetes.access import Right, leaders_rights

ROOT = Path(__file__).resolve().parents[2]


def test_the_rights_a_leader_is_asked_for_are_those_of_its_role() -> None:
    documents = YAML(typ="safe").load_all((ROOT / "manifests/rbac/leader.yaml").read_text())
    (role,) = (each for each in documents if each["kind"] == "Role")
    given = {
        Right(group, resource, verb, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }
    assert leaders_rights() == given
