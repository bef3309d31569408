"""The leader's Deployment: the cluster takes its pod, and what that pod starts is a leader that leads.

There is no kubelet and no image here. The container's own command is started as the kubelet would start it (its
arguments, its environment, the account's token where a pod has it, the volume where the manifest mounts it), in a mount
namespace that bubblewrap makes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.adapters.process.containment import probe
from tests.kube.plane import ROOT, Plane
from tests.kube.swarm import Swarm, document

pytestmark = pytest.mark.kube

NAMESPACE = "interlock"
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
POD = "leader-pod"


@pytest.fixture
def cluster() -> Iterator[Plane]:
    with Plane.start() as plane:
        plane.kubectl("apply", "--server-side", "-k", ROOT / "manifests/overlays/inside")
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        yield plane


def eventually(found: Callable[[], Any], what: str, within_s: float = 60.0) -> Any:
    """Return what was found once it is something."""
    until = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < until, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return value


def pods(plane: Plane) -> list[dict[str, Any]]:
    asked = ["get", "pods", "--selector", "app.kubernetes.io/name=interlock-leader", "-o", "json"]
    found: list[dict[str, Any]] = plane.kubectl(*asked, namespace=NAMESPACE).json()["items"]
    return found


def served_repository(volume: Path) -> Swarm:
    """Return the repository on the volume, prepared as docs/cluster.md says."""
    root = volume / "repository"
    root.mkdir(parents=True)
    (root / "README").write_text("A shop.\n")
    (root / "agent.sh").write_text('mkdir -p src && cat "$INTERLOCK_DIR/prompt.md" >src/it.txt\n')
    swarm = Swarm(None, NAMESPACE, root, volume)  # type: ignore[arg-type]
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("commit", "-q", "-m", "Start"),
        ("checkout", "-q", "--detach"),
    ):
        swarm.git(*words)
    return swarm


def started(plane: Plane, pod: dict[str, Any], volume: Path) -> None:
    """Start the pod's container here, as nearly as there is no kubelet."""
    (container,) = pod["spec"]["containers"]
    account = volume.parent / "account"
    account.mkdir()
    (account / "token").write_text(plane.token(NAMESPACE, pod["spec"]["serviceAccountName"]))
    (account / "namespace").write_text(NAMESPACE)
    (account / "ca.crt").write_bytes(plane.authority.certificate.read_bytes())
    # The one thing that is changed: a port of the machine's own choosing.
    argv = [word if word != ":8080" else ":0" for word in (*container["command"], *container["args"])]
    assert ":0" in argv
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert {"/srv/interlock", "/tmp", f"/var{ACCOUNT}"} == set(mounts)
    bubblewrap = probe().bwrap
    assert bubblewrap is not None, "bubblewrap cannot make namespaces here"
    inside = [
        str(bubblewrap), "--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", "/run", "--tmpfs", "/srv",
        "--ro-bind", str(account), ACCOUNT, "--bind", str(volume), "/srv/interlock", "--",
    ]  # fmt: skip
    plane.launch(
        POD,
        [*inside, *argv],
        folder=volume,
        environment={
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(plane.port),
            **{each["name"]: each["value"] for each in container["env"]},
        },
    )


def contained(bubblewrap: int) -> int:
    """Return the process that bubblewrap started: what a kubelet would signal."""
    return int(Path(f"/proc/{bubblewrap}/task/{bubblewrap}/children").read_text().split()[0])


def test_the_cluster_takes_the_pod_and_it_leads(cluster: Plane, tmp_path: Path) -> None:
    # Restricted pod security is enforced in the namespace: a pod that broke it would not be there.
    (pod,) = eventually(lambda: pods(cluster), "the leader's pod")
    volume = tmp_path / "volume"
    shop = served_repository(volume)
    cluster.apply(
        document("MergeTrain", "main", {"gates": [{"name": "ok", "run": "test -f README"}]}),
        document("AgentProvider", "scripted", {"adapter": "command", "command": ["sh", "agent.sh"]}),
        document("Lane", "all", {"own": ["src/**"]}),
        document("ImplementationSpec", "it", {"summary": "Do it", "lane": "all", "paths": ["src/it.txt"], "text": "x"}),
        namespace=NAMESPACE,
    )
    started(cluster, pod, volume)
    (container,) = pod["spec"]["containers"]

    def port() -> str:
        assert cluster.is_running(POD), cluster.log(POD)
        found = re.search(r"listening on port (\d+)", cluster.log(POD))
        return found[1] if found else ""

    with httpx.Client(base_url=f"http://127.0.0.1:{eventually(port, 'its port')}", trust_env=False) as client:
        for name in ("livenessProbe", "readinessProbe"):
            path = container[name]["httpGet"]["path"]
            eventually(lambda path=path: client.get(path).status_code == 200, path)  # type: ignore[misc]
        cluster.kubectl("wait", "--for=condition=Ready", "spec/it", "--timeout=90s", namespace=NAMESPACE)

        def counted() -> str:
            # Counted at the end of a look at the world: a moment after the server was told.
            text = client.get("/metrics").text
            return text if 'interlock_specs{phase="Landed"} 1.0' in text else ""

        metrics: str = eventually(counted, "an item counted as landed")
    assert "interlock_leader 1.0" in metrics
    # Nothing was asked for that the account's role does not give.
    assert [line for line in metrics.splitlines() if 'code="403"' in line] == []
    assert shop.landed() == ["it"]
    os.kill(contained(cluster.pid(POD)), signal.SIGTERM)
    assert cluster.ends(POD, pod["spec"]["terminationGracePeriodSeconds"]) == 0, cluster.log(POD)


def test_the_manifests_command_is_one_that_interlock_understands() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator", "leader", "--help"], capture_output=True, text=True, check=True
    )
    deployment = (ROOT / "manifests/leader/deployment.yaml").read_text()
    assert {word for word in re.findall(r"--[a-z]+", deployment) if word not in told.stdout} == set()
