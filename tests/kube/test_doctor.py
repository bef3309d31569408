"""`interlock doctor --kube`: what would keep a leader from leading, each with its remedy, before one is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.crds import definitions
from tests.kube.plane import Plane
from tests.kube.swarm import Swarm, leaders_account, until

pytestmark = pytest.mark.kube


def diagnosed(shop: Swarm, *, kubeconfig: Path | None, namespace: str = "", code: int = 1) -> dict[str, dict[str, Any]]:
    """Return each check by its name."""
    words = ["doctor", "--quick", "--kube", "--namespace", namespace or shop.namespace, "-o", "json"]
    done = shop.typed(words, env={"KUBECONFIG": str(kubeconfig or shop.plane.admin)})
    assert done.returncode == code, done.stdout + done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["checks"]}


def test_a_namespace_that_can_be_led_is_fine_for_the_leaders_account(shop: Swarm) -> None:
    shop.items(["apple"])
    found = diagnosed(shop, kubeconfig=shop.account, code=0)
    asked = ("cluster", "definitions", "namespace", "rights", "leader", "documents", "repository", "gates", "agents")
    assert {name: found[name]["state"] for name in asked} == dict.fromkeys(asked, "ok")
    assert f"you are system:serviceaccount:{shop.namespace}:interlock-leader" in found["cluster"]["message"]
    assert found["documents"]["message"] == "1 lane, 1 spec, 1 agent, 1 train"


def test_who_leads_now_is_said(shop: Swarm) -> None:
    leader = shop.leader()
    until(lambda: "leading in" in leader.said(), "it leads")
    found = diagnosed(shop, kubeconfig=shop.account, code=0)["leader"]
    assert (found["state"], f"-{leader.pid}-" in found["message"]) == ("warn", True)


def test_rights_that_are_missing_are_named_with_the_account_that_has_them(shop: Swarm) -> None:
    viewer = shop.plane.user("viewer")
    words = ["create", "rolebinding", "viewer", "--clusterrole=view", "--user=viewer"]
    shop.plane.kubectl(*words, namespace=shop.namespace)
    found = diagnosed(shop, kubeconfig=viewer)["rights"]
    assert "and you may not:" in found["message"] and "interlock-leader" in found["remedy"]


def test_a_namespace_that_is_not_there_is_named(shop: Swarm) -> None:
    found = diagnosed(shop, kubeconfig=None, namespace="nowhere")["namespace"]
    assert (found["state"], "kubectl create namespace nowhere" in found["remedy"]) == ("fail", True)


def test_definitions_that_are_missing_or_older_are_told_from_fitting_ones(tmp_path: Path) -> None:
    remedy = "install those of this version: interlock crds | kubectl apply --server-side -f -"
    with Plane.start() as plane:
        root = tmp_path / "shop"
        root.mkdir()
        shop = Swarm(plane, "default", root, tmp_path, leaders_account(plane, "default"))
        shop.git("init", "-q", "-b", "main")
        found = diagnosed(shop, kubeconfig=shop.account)["definitions"]
        assert (found["state"], found["remedy"]) == ("fail", remedy)
        assert "does not know `Roadmap`" in found["message"]
        plane.install()
        (older,) = (each for each in definitions() if each["spec"]["names"]["kind"] == "MergeTrain")
        schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["spec"]["properties"]["batch"]
        plane.kubectl("replace", "-f", "-", stdin=json.dumps(older))

        def told() -> str:
            message: str = diagnosed(shop, kubeconfig=shop.account)["definitions"]["message"]
            return message

        until(lambda: "does not know `MergeTrain.spec.batch`" in told(), "the older field is named", every_s=0.5)


def test_a_cluster_that_does_not_answer_is_said_at_once(shop: Swarm, tmp_path: Path) -> None:
    said = json.loads(shop.plane.admin.read_text())
    said["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "nobody").write_text(json.dumps(said))
    found = diagnosed(shop, kubeconfig=tmp_path / "nobody")
    assert (list(found), found["cluster"]["state"]) == (["cluster"], "fail")
    assert "--context" in found["cluster"]["remedy"]
