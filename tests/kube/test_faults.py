"""What breaks in a cluster, broken for real while items are under way. Afterwards everything landed, once."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.kubernetes.connection import path_of
from orchestrator.model.lane import Lane
from orchestrator.model.train import MergeTrain
from tests.kube.plane import API, ETCD
from tests.kube.proxy import Proxy
from tests.kube.swarm import LEASE, Swarm, parsed, until
from tests.kube.test_store import opened

pytestmark = pytest.mark.kube
ACCOUNT = "interlock-leader"
LEASE_S = float(LEASE.rstrip("s"))


def who_leads(shop: Swarm) -> Path:
    assert shop.account is not None
    return shop.account


def led(shop: Swarm, not_by: str = "") -> str:
    """Return who leads, once somebody else does."""

    def holder() -> str:
        said = shop.plane.kubectl(
            "get", "lease", "interlock-leader", "-o", "json", namespace=shop.namespace, check=False
        )
        return str(said.json()["spec"].get("holderIdentity", "")) if said.code == 0 else ""

    until(lambda: holder() not in ("", not_by), "somebody leads")
    return holder()


# -- fencing ----------------------------------------------------------------------------------------------------------


def test_a_leader_frozen_past_its_lease_writes_nothing_when_it_wakes(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=6)
    old = shop.leader(state="one")
    until(lambda: shop.has_begun("apple"), "apple runs")
    new = shop.leader(state="two")
    until(lambda: "waiting for its end" in new.said(), "the second one waits")
    old.signal(signal.SIGSTOP)
    until(lambda: "leading in" in new.said(), "the second one leads")
    until(lambda: shop.has_landed("apple"), "the new leader lands it")
    shop.items(["pear"], nap_s=3)
    until(lambda: shop.has_begun("pear"), "pear runs under the new leader")
    run = shop.objects("runs")["pear-1"]["status"]
    old.signal(signal.SIGCONT)
    assert old.ends(within_s=15) == 1, old.said()
    assert "leads now" in old.said()
    assert shop.objects("runs")["pear-1"]["status"]["leader"] == run["leader"]
    until(lambda: shop.has_landed("apple", "pear"), "all have landed")
    assert shop.landed() == ["apple", "pear"]
    holders = {shop.lease()["holderIdentity"]}
    assert holders == {run["leader"]}
    shop.sound()


def test_a_frozen_leader_that_nobody_replaced_goes_on(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=2)
    leader = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    leader.signal(signal.SIGSTOP)
    time.sleep(LEASE_S + 2)
    leader.signal(signal.SIGCONT)
    until(lambda: shop.has_landed("apple"), "it has landed")
    assert leader.is_alive()
    assert len(shop.objects("runs")) == 1
    shop.sound()


@pytest.mark.parametrize("seed", range(3))
def test_leaders_frozen_again_and_again_land_everything_once(shop: Swarm, seed: int) -> None:
    names = [f"item-{number}" for number in range(6)]
    shop.items(names, nap_s=0.5)
    leaders = [shop.leader(state=f"state-{number}") for number in range(2)]
    for turn in range(3):
        holder = led(shop)
        time.sleep(0.3 + 0.37 * ((seed + turn) % 3))
        (frozen,) = (each for each in leaders if f"-{each.pid}-" in holder)
        frozen.signal(signal.SIGSTOP)
        assert led(shop, not_by=holder)
        frozen.signal(signal.SIGCONT)
        assert frozen.ends(within_s=20) == 1, frozen.said()
        leaders = [each for each in leaders if each is not frozen] + [shop.leader(state=f"state-{seed}-{turn}")]
    until(lambda: shop.has_landed(*names), "all have landed", within_s=90)
    assert sorted(shop.landed()) == sorted(names)
    shop.sound()


def test_a_killed_leader_is_followed_within_its_lease(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=3)
    old = shop.leader(state="one")
    until(lambda: shop.has_begun("apple"), "apple runs")
    new = shop.leader(state="two")
    until(lambda: "waiting for its end" in new.said(), "the second one waits")
    old.kill()
    took = until(lambda: "leading in" in new.said(), "the second one leads", every_s=0.05)
    assert took < LEASE_S + 2, f"failover took {took:.1f} s"
    until(lambda: shop.has_landed("apple"), "it has landed")
    shop.sound()


def test_leaders_killed_again_and_again_land_everything_once(shop: Swarm) -> None:
    names = [f"item-{number}" for number in range(8)]
    shop.items(names, nap_s=0.3)
    for turn in range(4):
        leader = shop.leader()
        until(lambda leader=leader: "leading in" in leader.said(), "it leads")  # type: ignore[misc]
        time.sleep(0.9 + 0.37 * turn)
        leader.kill()
    assert shop.leader("--once", "--max-minutes", "2").ends(within_s=90) == 0
    assert sorted(shop.landed()) == names
    trail = parsed(shop.type("events", "-o", "json", "--limit", "10000"))["events"]
    said = [event["name"] for event in trail if (event["kind"], event["reason"]) == ("ImplementationSpec", "Landed")]
    # A killed leader takes along what it had gathered; what was written stands there once.
    assert len(said) == len(set(said)) > 0
    shop.sound()


def intents(shop: Swarm) -> Iterator[None]:
    """Yield as soon as a landing intent is in the record, whenever there is a new one."""
    with opened(shop.plane, shop.namespace) as store:
        path = path_of(MergeTrain.PLURAL, shop.namespace)
        with store.connection.stream(path, {"watch": "1"}, silence_s=60) as (_, response):
            rest, seen = b"", set[str]()
            while chunk := response.read1(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                for said in map(json.loads, lines):
                    landing = said["object"].get("status", {}).get("landing")
                    if landing is not None and landing["commit"] not in seen:
                        seen.add(landing["commit"])
                        yield


def test_a_leader_killed_in_the_middle_of_a_landing_leaves_one_that_its_successor_finishes(shop: Swarm) -> None:
    names = [f"item-{number}" for number in range(8)]
    shop.items(names)
    leader, caught = shop.leader(), 0
    for _ in intents(shop):
        leader.signal(signal.SIGSTOP)
        time.sleep(0.5)  # What it had sent by then arrives.
        (train,) = shop.objects("mergetrains").values()
        if "landing" in train["status"]:
            leader.kill()
            caught += 1
            if caught == 2:
                break
            leader = shop.leader()
        elif len(shop.landed()) == len(names):
            break
        else:
            leader.signal(signal.SIGCONT)
    assert caught, "no landing was under way when its leader was stopped"
    if leader.is_alive():
        leader.kill()
    assert shop.leader("--once", "--max-minutes", "2").ends(within_s=90) == 0
    assert sorted(shop.landed()) == names
    shop.sound()


def test_a_lease_that_somebody_removes_is_made_again_by_who_leads(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=2)
    leader = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    before = shop.lease()
    other = shop.leader(state="two")
    shop.plane.kubectl("delete", "lease", "interlock-leader", namespace=shop.namespace)
    until(lambda: shop.has_landed("apple"), "it has landed")
    assert shop.lease()["holderIdentity"] == before["holderIdentity"]
    assert leader.is_alive() and "leading in" not in other.said()
    shop.sound()


# -- the cluster ------------------------------------------------------------------------------------------------------


def test_work_outlives_an_api_server_that_is_killed(own: Swarm) -> None:
    names = [f"item-{number}" for number in range(4)]
    own.items(names, nap_s=3)
    leader = own.leader()
    until(lambda: own.has_begun(*names), "something runs")
    own.plane.kill(API)
    time.sleep(LEASE_S + 2)
    own.plane.revive(API)
    until(lambda: own.has_landed(*names), "all have landed", within_s=90)
    assert leader.is_alive(), leader.said()
    assert len(own.objects("runs")) == len(names), "no work was done twice"
    own.sound()


def test_work_outlives_an_etcd_that_is_killed(own: Swarm) -> None:
    names = [f"item-{number}" for number in range(4)]
    own.items(names, nap_s=4)
    leader = own.leader()
    until(lambda: own.has_begun(*names), "something runs")
    own.plane.kill(ETCD)
    time.sleep(LEASE_S)
    own.plane.revive(ETCD)
    until(lambda: own.has_landed(*names), "all have landed", within_s=90)
    assert leader.is_alive(), leader.said()
    own.sound()


def test_a_history_that_is_compacted_away_is_read_anew(own: Swarm) -> None:
    own.items(["apple"], nap_s=4)
    leader = own.leader()
    until(lambda: own.has_begun("apple"), "apple runs")
    # Killed, the server forgets what it had in memory: after it is back, a watch can only go on from etcd's history.
    own.plane.kill(API)
    own.plane.compact()
    own.plane.revive(API)
    own.items(["pear"])
    until(lambda: own.has_landed("apple", "pear"), "all have landed")
    assert leader.is_alive(), leader.said()
    own.sound()


def test_a_cut_network_stops_one_leader_and_the_other_goes_on(shop: Swarm, tmp_path: Path) -> None:
    names = [f"item-{number}" for number in range(4)]
    shop.items(names, nap_s=4)
    with Proxy(shop.plane.port) as proxy:
        way = proxy.kubeconfig(who_leads(shop), tmp_path / "way.json")
        old = shop.leader(state="one", kubeconfig=way)
        until(lambda: shop.has_begun(*names), "something runs")
        new = shop.leader(state="two")
        until(lambda: "waiting for its end" in new.said(), "the second one waits")
        proxy.cut()
        until(lambda: "leading in" in new.said(), "the second one leads", within_s=LEASE_S + 4)
        # Requests of the old one that were on their way arrive only now, and lose.
        proxy.mend()
        assert old.ends(within_s=30) == 1, old.said()
        until(lambda: shop.has_landed(*names), "all have landed")
    assert sorted(shop.landed()) == names
    shop.sound()


def test_a_slow_server_slows_and_breaks_nothing(shop: Swarm, tmp_path: Path) -> None:
    names = [f"item-{number}" for number in range(3)]
    shop.items(names)
    with Proxy(shop.plane.port) as proxy:
        proxy.slow(0.1)
        leader = shop.leader("--once", kubeconfig=proxy.kubeconfig(who_leads(shop), tmp_path / "way.json"))
        assert leader.ends(within_s=90) == 0, leader.said()
    assert sorted(shop.landed()) == names
    shop.sound()


def test_a_token_that_runs_out_is_read_anew(shop: Swarm, tmp_path: Path) -> None:
    plane, place = shop.plane, shop.namespace
    token = tmp_path / "token"
    token.write_text(plane.token(place, ACCOUNT))
    said = json.loads(who_leads(shop).read_text())
    said["users"][0]["user"] = {"tokenFile": str(token)}
    config = tmp_path / "token.kubeconfig"
    config.write_text(json.dumps(said))
    leader = shop.leader(kubeconfig=config)
    until(lambda: "leading in" in leader.said(), "it leads")
    # A token is worth nothing once its account was removed and made again: the old one is refused from now on.
    plane.kubectl("delete", "serviceaccount", ACCOUNT, namespace=place)
    plane.kubectl("create", "serviceaccount", ACCOUNT, namespace=place)
    token.write_text(plane.token(place, ACCOUNT))
    shop.items(["apple"])
    until(lambda: shop.has_landed("apple"), "it has landed")
    assert leader.is_alive(), leader.said()
    shop.sound()


def test_a_storm_of_changes_is_weathered(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=1)
    leader = shop.leader()
    until(lambda: "leading in" in leader.said(), "it leads")
    with opened(shop.plane, shop.namespace) as somebody:
        lane = somebody.get(Lane, "all")
        for number in range(400):
            assert lane is not None
            metadata = lane.metadata.model_copy(update={"labels": {"storm": str(number)}})
            lane = somebody.update(lane.model_copy(update={"metadata": metadata}))
    until(lambda: shop.has_landed("apple"), "it has landed")
    assert leader.is_alive()
    shop.sound()


# -- people -----------------------------------------------------------------------------------------------------------


def test_an_item_edited_by_a_person_while_it_runs_is_done_as_edited(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=5)
    leader = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    shop.items(["apple"], nap_s=0, objective="Said anew.")
    until(lambda: shop.has_landed("apple"), "it has landed")
    assert len(shop.objects("runs")) == 2
    assert leader.is_alive()
    shop.sound()


def test_an_item_deleted_by_a_person_while_it_runs_ends_and_leaves_a_record(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=30)
    leader = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    shop.plane.kubectl("delete", "spec", "apple", namespace=shop.namespace)
    until(lambda: shop.objects("runs")["apple-1"]["status"]["phase"] not in ("Pending", "Running"), "its run is over")
    shop.items(["pear"])
    until(lambda: shop.has_landed("pear"), "the next one has landed")
    assert leader.is_alive()
    assert "apple-1" in shop.objects("runs")
    shop.sound()


def test_a_run_deleted_by_a_person_is_done_again(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=4)
    shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    shop.plane.kubectl("delete", "run", "apple-1", namespace=shop.namespace)
    until(lambda: shop.has_landed("apple"), "it has landed")
    shop.sound()


def test_a_namespace_that_is_deleted_ends_its_leader_with_a_word(shop: Swarm) -> None:
    shop.items(["apple"], nap_s=60)
    leader = shop.leader()
    until(lambda: shop.has_begun("apple"), "apple runs")
    shop.plane.kubectl("delete", "namespace", shop.namespace, "--wait=false")
    assert leader.ends(within_s=60) == 1
    assert "namespace" in leader.said().splitlines()[-1]
    assert "Traceback" not in leader.said()
    assert str(shop.folder) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_a_thousand_objects_at_the_start_are_all_seen(shop: Swarm) -> None:
    shop.items([f"item-{number:03}" for number in range(1000)], dependsOn=["never"])
    leader = shop.leader()
    until(lambda: "leading in" in leader.said(), "it leads")
    until(lambda: set(shop.phases().values()) == {"Stalled"}, "every one is reported", within_s=120, every_s=1)
    assert leader.is_alive()
