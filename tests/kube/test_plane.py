"""The control plane the other suites stand on: several side by side, breakable, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kube import assets
from tests.kube.plane import API, ETCD, MANAGER, ROOT, SCHEDULER, Failed, Plane

pytestmark = pytest.mark.kube


def eventually(holds: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Return whether it holds within the time."""
    until = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def processes_of(folder: Path) -> list[str]:
    """Return the processes that have something to do with the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            inside = str(folder) in words or os.readlink(entry / "cwd").startswith(str(folder))
        except OSError:
            continue
        if inside and entry.name != str(os.getpid()):
            found.append(words)
    return found


def test_two_planes_side_by_side_share_nothing(plane: Plane) -> None:
    with Plane.start(scheduler=True) as other:
        only_there = other.namespace("only-there")
        assert plane.kubectl("get", "namespace", only_there, check=False).code == 1
        assert [other.is_running(program) for program in (ETCD, API, MANAGER, SCHEDULER)] == [True] * 4
        # One authority does not vouch for the other's server, nor does the server take its users.
        crossed = plane.authority.user(other.server, "stranger", "system:masters")
        assert "certificate" in other.kubectl("get", "namespaces", kubeconfig=crossed, check=False).err
        folder = other.folder
    assert (folder.exists(), processes_of(folder)) == (False, [])


def test_a_service_account_is_who_its_token_says_and_may_nothing_yet(plane: Plane, namespace: str) -> None:
    plane.kubectl("create", "serviceaccount", "somebody", namespace=namespace)
    somebody = plane.account(namespace, "somebody")
    told = plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=somebody).json()
    assert told["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:somebody"
    refused = plane.kubectl("get", "specs", kubeconfig=somebody, check=False)
    assert (refused.code, "cannot list resource" in refused.err) == (1, True)


def test_what_was_killed_or_frozen_comes_back_with_its_data() -> None:
    with Plane.start() as plane:
        kept = plane.namespace("kept")
        plane.kill(API)
        assert plane.kubectl("get", "namespaces", check=False).code == 1
        plane.revive(API)
        plane.freeze(ETCD)
        assert plane.kubectl("get", "namespaces", "--request-timeout=1s", check=False).code == 1
        plane.thaw(ETCD)
        plane.kill(ETCD)
        plane.revive(ETCD)
        assert plane.kubectl("get", "namespace", kept, "-o", "name").out == f"namespace/{kept}\n"
        plane.compact()
        with plane.client() as client:
            told = client.get("/api/v1/namespaces", params={"watch": "1", "resourceVersion": "1"})
        assert told.json()["object"]["code"] == 410
        plane.rotate_serving_certificate()
        assert plane.kubectl("get", "namespaces").code == 0


def test_a_namespace_that_is_deleted_takes_its_objects_along(plane: Plane, namespace: str) -> None:
    plane.kubectl("create", "configmap", "there", namespace=namespace)
    plane.kubectl("delete", "namespace", namespace, "--timeout=30s")
    assert plane.kubectl("get", "namespace", namespace, check=False).code == 1


@pytest.mark.parametrize("victim", ["run", "keeper"])
def test_a_kill_leaves_no_process_and_no_folder(victim: str) -> None:
    script = (
        "import time\n"
        "from tests.kube.plane import Plane\n"
        "plane = Plane.start()\n"
        "print(plane.folder, plane._keeper.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(assets.ready()), "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    try:
        assert run.stdout is not None
        told, keeper = run.stdout.readline().split()
        folder = Path(told)
        assert len(processes_of(folder)) >= 3
        os.kill(run.pid if victim == "run" else int(keeper), signal.SIGKILL)
        assert eventually(lambda: processes_of(folder) == []), processes_of(folder)
        if victim == "run":
            assert eventually(lambda: not folder.exists())
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        run.kill()
        run.wait()
        assert run.stdout is not None
        run.stdout.close()


def test_a_kill_of_the_run_leaves_no_leader_and_no_agent(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.kube.plane import Plane\n"
        "from tests.kube.swarm import swarm, until\n"
        "plane = Plane.start()\n"
        "plane.install()\n"
        "with swarm(plane, plane.namespace('test'), Path(sys.argv[1])) as shop:\n"
        "    shop.items(['apple'], nap_s=600)\n"
        "    shop.leader()\n"
        "    until(lambda: shop.has_begun('apple'), 'apple runs')\n"
        "    print(plane.folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(assets.ready()), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as run:
        try:
            assert run.stdout is not None
            folder = Path(run.stdout.readline().strip())
            # Beside the run itself: the leader, and what runs in the workspaces it made.
            assert len(processes_of(tmp_path)) >= 3, processes_of(tmp_path)
        finally:
            run.kill()
    assert eventually(lambda: processes_of(folder) + processes_of(tmp_path) == []), processes_of(tmp_path)
    assert eventually(lambda: not folder.exists())


def test_a_plane_that_cannot_start_says_why_and_keeps_its_logs() -> None:
    with pytest.raises(Failed, match="unknown flag: --no-such-flag") as raised:
        Plane.start(api_arguments=["--no-such-flag"])
    kept = Path(str(raised.value).rsplit("whole logs: ", 1)[1])
    assert sorted(path.name for path in kept.iterdir()) == ["etcd.log", "kube-apiserver.log"]
    for path in kept.iterdir():
        path.unlink()
    kept.rmdir()
