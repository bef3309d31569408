"""The leader against a real cluster, as a process of its own: what was applied with kubectl lands in a repository."""

from __future__ import annotations

import base64
import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from orchestrator.model.kinds import BY_KIND
from tests.kube import identity
from tests.kube.plane import Plane
from tests.kube.swarm import Swarm, document, leaders_account, parsed, until

pytestmark = pytest.mark.kube


def test_what_kubectl_applied_lands_and_kubectl_says_so(shop: Swarm) -> None:
    shop.items(["apple"], tier="safety")
    shop.items(["pear"], dependsOn=["apple"])
    leader = shop.leader("--once", "--max-minutes", "1")
    assert leader.ends() == 0, leader.said()
    assert shop.landed() == ["apple", "pear"]
    shop.plane.kubectl("wait", "--for=condition=Ready", "--timeout=5s", "specs", "--all", namespace=shop.namespace)
    wide = shop.plane.kubectl("get", "specs", "pear", namespace=shop.namespace).out
    assert "Landed" in wide
    assert {run["status"]["phase"] for run in shop.objects("runs").values()} == {"Landed"}
    assert shop.lease()["holderIdentity"] == ""
    shop.sound()


def test_a_swarm_that_cannot_finish_exits_1_and_says_who_has_to_act(shop: Swarm) -> None:
    shop.items(["apple"], text="fail")
    leader = shop.leader("--once", "--max-minutes", "1")
    assert leader.ends() == 1
    assert "apple" in leader.said() and "interlock explain apple" in leader.said()
    assert shop.phases() == {"apple": "Stalled"}


def test_a_missing_definition_is_said_with_its_remedy(tmp_path: Path) -> None:
    with Plane.start() as bare:
        root = tmp_path / "shop"
        root.mkdir()
        made = Swarm(bare, "default", root, tmp_path)
        made.git("init", "-q", "-b", "main")
        done = made.leader("--once")
        assert done.ends(within_s=15) == 1
        assert said_once(done.said(), "interlock crds | kubectl apply")


def test_a_leader_that_may_not_lead_ends_at_once_and_says_whom_to_ask(shop: Swarm) -> None:
    shop.plane.kubectl("delete", "rolebinding", "interlock-leader", namespace=shop.namespace)
    done = shop.leader()
    assert done.ends(within_s=15) == 1
    assert said_once(done.said(), "ask for the role that docs/cluster.md names")


def test_credentials_that_are_not_accepted_end_a_leader_at_once(shop: Swarm, tmp_path: Path) -> None:
    assert shop.account is not None
    said = json.loads(shop.account.read_text())
    said["users"][0]["user"] = {"token": "nobody's"}
    (tmp_path / "nobody").write_text(json.dumps(said))
    done = shop.leader(kubeconfig=tmp_path / "nobody")
    assert done.ends(within_s=15) == 1
    assert said_once(done.said(), "log in anew")


def test_a_server_that_is_not_the_one_meant_ends_a_leader_at_once(shop: Swarm, tmp_path: Path) -> None:
    assert shop.account is not None
    said = json.loads(shop.account.read_text())
    stranger = identity.authority(tmp_path / "stranger").certificate.read_bytes()
    said["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(stranger).decode()
    (tmp_path / "crossed").write_text(json.dumps(said))
    done = shop.leader(kubeconfig=tmp_path / "crossed")
    assert done.ends(within_s=15) == 1
    assert said_once(done.said(), "CERTIFICATE_VERIFY_FAILED")


def test_a_namespace_without_a_train_has_nothing_to_lead_and_one_without_items_nothing_to_do(shop: Swarm) -> None:
    done = shop.leader("--once")
    assert done.ends() == 0
    assert f"namespace {shop.namespace} of" in done.said() and "has no specs: nothing to do" in done.said()
    shop.plane.kubectl("delete", "train", "main", namespace=shop.namespace)
    done = shop.leader("--once")
    assert done.ends() == 1
    assert "has no train: there is nothing to lead; apply one: interlock apply -f interlock.yaml --kube" in done.said()


def test_items_whose_train_is_deleted_say_so(shop: Swarm) -> None:
    shop.items(["apple"])
    shop.type("hold", "apple", "--reason", "not yet")
    leader = shop.leader()
    until(lambda: "Held" in shop.type("status"), "it is held")
    shop.plane.kubectl("delete", "train", "main", namespace=shop.namespace)
    until(lambda: "there is no train `main`" in shop.type("status"), "it says what is missing")
    shop.type("release", "apple", "--reason", "now")
    shop.configure()
    until(lambda: shop.has_landed("apple"), "it has landed with the train that came back")
    assert leader.is_alive()


def said_once(text: str, what: str) -> bool:
    """Return whether a leader that could not begin said why: one warning, one last line, and nothing else."""
    lines = text.splitlines()
    return len(lines) <= 2 and what in lines[-1] and "Traceback" not in text


def test_a_leader_stays_until_it_is_asked_to_stop_and_hands_over_at_once(shop: Swarm) -> None:
    shop.items(["apple"])
    first = shop.leader(state="one")
    until(lambda: shop.phases() == {"apple": "Landed"}, "apple has landed")
    second = shop.leader(state="two")
    until(lambda: "waiting for its end" in second.said(), "the second one waits")
    term = shop.lease()["leaseTransitions"]
    first.signal(signal.SIGTERM)
    assert first.ends() == 0, first.said()
    until(lambda: "leading in" in second.said(), "the second one leads", within_s=3)
    assert shop.lease()["leaseTransitions"] == term + 1
    shop.items(["pear"])
    until(lambda: shop.phases().get("pear") == "Landed", "pear has landed")
    second.signal(signal.SIGTERM)
    assert second.ends() == 0, second.said()
    shop.sound()


def test_agents_end_with_a_leader_that_is_asked_to_stop_and_nothing_is_lost(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=3)
    first = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    first.signal(signal.SIGTERM)
    assert first.ends() == 0
    assert shop.leader("--once", "--max-minutes", "1").ends() == 0
    assert shop.landed() == ["apple"]
    spec = shop.objects("specs")["apple"]
    assert spec["status"].get("attempts", 0) <= 1
    shop.sound()


def test_every_verb_works_on_the_cluster(shop: Swarm) -> None:
    shop.items(["apple", "pear", "plum"])
    assert "apple" in shop.type("hold", "apple", "--reason", "not yet")
    shop.type("cancel", "plum", "--reason", "nobody likes them")
    assert shop.leader("--once", "--max-minutes", "1").ends() == 1
    assert shop.phases() == {"apple": "Waiting", "pear": "Landed", "plum": "Cancelled"}
    assert [row["name"] for row in parsed(shop.type("status", "-o", "json"))["specs"]].count("pear") == 1
    assert parsed(shop.type("explain", "apple", "-o", "json"))["reason"] == "Held"
    assert "pear-1" in shop.type("get", "runs")
    assert parsed(shop.type("get", "spec", "pear", "-o", "json"))["status"]["phase"] == "Landed"
    assert "Landed" in shop.type("describe", "spec", "pear")
    assert "hold" in shop.type("events", "apple").lower()
    shop.type("logs", "pear")
    assert shop.type("report", "--out", "-").startswith("<!")
    shop.type("release", "apple", "--reason", "now")
    assert shop.leader("--once", "--max-minutes", "1").ends() == 1
    assert shop.phases()["apple"] == "Landed"
    described = shop.plane.kubectl("describe", "spec", "apple", namespace=shop.namespace).out
    assert "Events:" in described and "Landed" in described
    shop.type("delete", "spec", "plum")
    assert "plum" not in shop.objects("specs")


def test_what_a_person_deletes_leaves_the_record_of_its_work(shop: Swarm) -> None:
    shop.items(["apple"])
    assert shop.leader("--once", "--max-minutes", "1").ends() == 0
    shop.plane.kubectl("delete", "spec", "apple", namespace=shop.namespace)
    shop.items(["pear"])
    assert shop.leader("--once", "--max-minutes", "1").ends() == 0
    assert set(shop.objects("runs")) == {"apple-1", "pear-1"}


def test_an_object_for_another_namespace_is_refused(shop: Swarm) -> None:
    wrong = document("Lane", "elsewhere", {"own": ["x/**"]})
    wrong["metadata"]["namespace"] = "somewhere"
    path = shop.root / "lane.json"
    path.write_text(json.dumps(wrong))
    shop.type("apply", "-f", str(path), code=2)


def test_an_embedded_store_moves_into_a_cluster_and_back_without_loss(shop: Swarm, tmp_path: Path) -> None:
    """What `run` had done goes on in the cluster, and what the cluster did goes on under `run`."""
    shop.write_files(["apple", "pear"], pear="hold")
    embedded = {"INTERLOCK_STATE": str(tmp_path / "embedded")}
    assert shop.typed(["run", "--timeout", "60s"], env=embedded).returncode == 1
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    assert shop.typed(["export", "--out", str(first)], env=embedded).returncode == 0
    place = shop.plane.namespace(f"{shop.namespace}-moved")
    cluster = ["--kube", "--namespace", place]
    moved = shop.typed(["import", str(first), *cluster])
    assert moved.returncode == 0, moved.stderr
    assert shop.typed(["export", "--out", str(second), *cluster]).returncode == 0
    assert contents(second) == contents(first)
    assert shop.typed(["import", str(first), *cluster]).returncode == 0, "again: it is all there"
    back = {"INTERLOCK_STATE": str(tmp_path / "back")}
    assert shop.typed(["import", str(second)], env=back).returncode == 0
    assert shop.typed(["export", "--out", str(third)], env=back).returncode == 0
    assert contents(third) == contents(first)
    made = replace(shop, namespace=place, account=leaders_account(shop.plane, place), started=[])
    made.type("release", "pear", "--reason", "in the cluster now")
    leader = made.leader("--once", "--max-minutes", "1")
    assert leader.ends() == 0, leader.said()
    assert made.landed() == ["apple", "pear"]
    runs = made.objects("runs")
    assert set(runs) == {"apple-1", "pear-1"}, "nothing was done twice"


def contents(folder: Path) -> dict[str, object]:
    """Return what an export says, but for the versions each store counts for itself and for defaults spelled out."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == "export.json" or path.suffix == ".md":
            continue
        text = path.read_text()
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines()]
            found[path.name] = [{key: value for key, value in line.items() if key != "sequence"} for line in lines]
        if path.suffix != ".json":
            continue
        said = json.loads(text)
        if path.parent.parent.name == "objects":
            said["metadata"].pop("resourceVersion", None)
            said = BY_KIND[said["kind"]].model_validate_json(json.dumps(said))
        found[str(path.relative_to(folder))] = said
    return found


def test_a_head_is_approved_from_anywhere_by_what_the_leader_saw(shop: Swarm) -> None:
    shop.configure(approvals={"safety": 1, "validity": 1, "execution": 1, "strategy": 1})
    shop.items(["apple"])
    assert shop.leader("--once", "--max-minutes", "1").ends() == 1
    assert shop.phases() == {"apple": "Proposed"}
    elsewhere = replace(shop, root=shop.folder / "home")
    head = shop.objects("specs")["apple"]["status"]["pullRequest"]["head"]
    assert head[:12] in elsewhere.type("approve", "apple", "--reason", "looked at it")
    assert shop.leader("--once", "--max-minutes", "1").ends() == 0
    assert shop.landed() == ["apple"]


def test_probes_and_metrics_mean_what_they_say(shop: Swarm) -> None:
    with httpx.Client(trust_env=False, timeout=5) as client:
        first = shop.leader("--listen", "127.0.0.1:0", state="one")
        second = shop.leader("--listen", "127.0.0.1:0", state="two")
        ports = []
        for each in (first, second):
            until(lambda each=each: "listening on port" in each.said(), "it listens")  # type: ignore[misc]
            ports.append(int(each.said().partition("listening on port ")[2].partition(":")[0]))
        until(lambda: "leading in" in first.said() + second.said(), "one leads")
        shop.items(["apple"])
        until(lambda: shop.phases() == {"apple": "Landed"}, "apple has landed")
        told = [client.get(f"http://127.0.0.1:{port}/metrics").text for port in ports]
        assert sorted("interlock_leader 1.0" in each for each in told) == [False, True]
        leading = told["interlock_leader 1.0" in told[1]]
        assert 'interlock_specs{phase="Landed"} 1.0' in leading
        assert 'interlock_api_requests_total{code="201",resource="agentruns",verb="POST"} 1.0' in leading
        for port in ports:
            assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            assert client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200, "one that waits is ready, too"


def test_an_idle_leader_writes_nothing_but_its_lease(shop: Swarm) -> None:
    shop.items(["apple"])
    leader = shop.leader()
    until(lambda: shop.phases() == {"apple": "Landed"}, "apple has landed")

    def versions() -> list[str]:
        kinds = ("specs", "runs", "mergetrains", "validations", "lanes", "agentproviders")
        return [each["metadata"]["resourceVersion"] for kind in kinds for each in shop.objects(kind).values()]

    settled: list[str] = []

    def is_settled() -> bool:
        before, settled[:] = list(settled), versions()
        return before == settled

    until(is_settled, "nothing is written any more", every_s=1)
    begin = versions()
    time.sleep(3)
    assert versions() == begin
    assert leader.is_alive()
