"""Certificates replaced under a leader that runs: it reads its credentials anew and goes on, with the work it has."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from orchestrator.adapters.kubernetes.connection import Connection
from orchestrator.adapters.kubernetes.source import Source
from tests.kube.plane import Plane
from tests.kube.swarm import Swarm, until

pytestmark = pytest.mark.kube
WHO = "leader-by-certificate"


def may_lead(shop: Swarm) -> None:
    """Let the user of that name do what the leader's account may."""
    words = ["create", "rolebinding", WHO, "--role=interlock-leader", f"--user={WHO}"]
    shop.plane.kubectl(*words, namespace=shop.namespace)


def certified(plane: Plane, to: Path, for_s: float | None = None) -> Path:
    """Write a kubeconfig with a new certificate, in place of one there was."""
    fresh = to.with_suffix(".new")
    fresh.write_text(plane.authority.user(plane.server, WHO, for_s=for_s).read_text())
    return fresh.replace(to)


def test_credentials_are_never_left_in_files_of_their_own(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    connection = Connection(Source("default", kubeconfig=plane.admin))
    try:
        assert connection.request("GET", "/version").is_good
        # Not "at exit": whoever is killed cleans nothing up.
        assert list(tmp_path.iterdir()) == []
    finally:
        connection.close()


def test_a_client_certificate_that_runs_out_is_read_anew(shop: Swarm, tmp_path: Path) -> None:
    may_lead(shop)
    config = certified(shop.plane, tmp_path / "leader.kubeconfig", for_s=8)
    shop.items(["apple"], nap_s=8)
    leader = shop.leader(kubeconfig=config)
    until(lambda: shop.has_begun("apple"), "apple runs")
    certified(shop.plane, config)
    until(lambda: shop.has_landed("apple"), "it has landed after the first certificate ran out")
    shop.items(["pear"])
    until(lambda: shop.has_landed("apple", "pear"), "all have landed")
    assert leader.is_alive(), leader.said()
    assert len(shop.objects("runs")) == 2, "no work was done twice"
    shop.sound()


def test_a_new_authority_is_believed_once_the_credentials_name_it(own: Swarm, tmp_path: Path) -> None:
    may_lead(own)
    config = certified(own.plane, tmp_path / "leader.kubeconfig")
    own.items(["apple"], nap_s=2)
    leader = own.leader(kubeconfig=config)
    until(lambda: own.has_begun("apple"), "apple runs")
    own.plane.replace_authority()
    until(lambda: "CERTIFICATE_VERIFY_FAILED" in leader.said(), "the leader does not believe the server")
    certified(own.plane, config)
    own.items(["pear"])
    until(lambda: own.has_landed("apple", "pear"), "all have landed")
    assert leader.is_alive(), leader.said()
    assert len(own.objects("runs")) == 2, "no work was done twice"
    own.sound()
