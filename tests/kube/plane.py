"""A control plane on loopback: etcd, an API server, its controllers and, where wanted, the scheduler.

`Plane.start()` gives one that is ready (about 3 s), on ports of its own, with certificates of its own, its data in a
temporary folder; any number run side by side. `kubectl` is the real one. What breaks in a cluster can be broken here:
`kill`, `freeze`, `thaw`, `revive`, `rotate_serving_certificate`, `compact`. `stop` leaves nothing but, if asked, logs.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from tests.kube import assets, identity, keeper
from tests.kube.served import unserved

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "manifests/crds"
READY_TIMEOUT_S = 90.0
KUBECTL_TIMEOUT_S = 60.0
STARTS_MAX = 3
"""A port that was free when it was asked for may be taken when it is used; then all are chosen anew."""
ETCD, API, MANAGER, SCHEDULER = "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
    "job-controller",
    "cronjob-controller",
    "ttl-after-finished-controller",
    "pod-garbage-collector-controller",
    "taint-eviction-controller",
    "deployment-controller",
    "replicaset-controller",
)


class Failed(AssertionError):
    """A command or a program did not do what it was started for; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the output as a document."""
        return json.loads(self.out)


@dataclass
class Plane:
    """A running control plane. Made by `Plane.start`, a context manager."""

    folder: Path
    programs: Path
    port: int
    authority: identity.Authority
    api_arguments: tuple[str, ...] = ()
    scheduler: bool = False
    _keeper: subprocess.Popen[str] = field(init=False)
    _namespaces: int = 0

    @classmethod
    def start(cls, *, scheduler: bool = False, api_arguments: Sequence[str] = ()) -> Self:
        """Return a plane whose API server is ready. `api_arguments` are added to the API server's own."""
        programs = assets.ready()
        for left in reversed(range(STARTS_MAX)):
            folder = Path(tempfile.mkdtemp(prefix="interlock-plane-"))
            plane = cls(
                folder=folder,
                programs=programs,
                port=_free_port(),
                authority=identity.authority(folder / "pki"),
                api_arguments=tuple(api_arguments),
                scheduler=scheduler,
            )
            plane._keep()
            try:
                plane._begin()
                return plane
            except Failed as failed:
                if left and "address already in use" in plane.log(API):
                    plane.stop()
                    continue
                kept = Path(tempfile.mkdtemp(prefix="interlock-plane-logs-"))
                plane.stop(keep_logs=kept)
                raise Failed(f"{failed}\nwhole logs: {kept}") from failed
            except BaseException:
                plane.stop()
                raise
        raise AssertionError("unreachable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def admin(self) -> Path:
        """Return the kubeconfig of somebody who may do everything."""
        return self.folder / "pki" / "admin.default.kubeconfig"

    @property
    def etcd_socket(self) -> Path:
        """Return etcd's socket: nobody but this user can reach the store."""
        return self.folder / "etcd:2379"

    # -- asking -------------------------------------------------------------------------------------------------------

    def kubectl(
        self,
        *arguments: str | Path,
        namespace: str | None = None,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> Answer:
        """Return what kubectl says. Raises Failed if it ends with anything but 0, unless `check` is off."""
        words = [str(self.programs / "kubectl"), *map(str, arguments)]
        if namespace is not None:
            words += ["--namespace", namespace]
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env=self.environment(kubeconfig),
            cwd=ROOT,
            timeout=KUBECTL_TIMEOUT_S,
        )
        if check and done.returncode != 0:
            raise Failed(f"kubectl {' '.join(words[1:])}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return Answer(done.returncode, done.stdout, done.stderr)

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Return an environment in which kubectl (first on PATH) and every client means this plane."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **{name: os.environ[name] for name in ("LC_ALL", "LANG", "TMPDIR", "COLUMNS") if name in os.environ},
            "PATH": os.pathsep.join([str(self.programs), os.environ["PATH"]]),
            "HOME": str(home),
            "KUBECONFIG": str(kubeconfig or self.admin),
        }

    def apply(self, *documents: object, namespace: str | None = None) -> Answer:
        """Apply the documents, on the server's side, as the admin."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        return self.kubectl("apply", "--server-side", "-f", "-", namespace=namespace, stdin=text)

    def install(self) -> None:
        """Install the definitions of our kinds; return once the server serves them."""
        self.kubectl("apply", "--server-side", "-k", CRDS)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")

    def namespace(self, prefix: str) -> str:
        """Make a namespace and return its name, which begins so and which nobody else has.

        A fixture of a module is set up again when another module's tests ran in between: no name may be fixed.
        """
        self._namespaces += 1
        name = f"{prefix}-{self._namespaces}"
        self.kubectl("create", "namespace", name)
        return name

    def user(self, name: str, group: str | None = None) -> Path:
        """Return the kubeconfig of a user, by certificate."""
        return self.authority.user(self.server, name, group)

    def token(self, namespace: str, account: str, duration: str = "1h") -> str:
        """Return a new token of a service account that exists."""
        return self.kubectl("create", "token", account, f"--duration={duration}", namespace=namespace).out.strip()

    def account(self, namespace: str, account: str, duration: str = "1h") -> Path:
        """Return the kubeconfig of a service account that exists, with a new token, in its own namespace."""
        token = self.token(namespace, account, duration)
        return self.authority.kubeconfig(self.server, account, {"token": token}, namespace)

    def client(self, kubeconfig: Path | None = None) -> httpx.Client:
        """Return a plain HTTP client with the rights of the kubeconfig (the admin's); for what kubectl cannot ask."""
        document = json.loads((kubeconfig or self.admin).read_text())
        user = document["users"][0]["user"]
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        headers = {}
        if "token" in user:
            headers["Authorization"] = f"Bearer {user['token']}"
        else:
            _load(context, user)
        return httpx.Client(base_url=self.server, verify=context, headers=headers, timeout=30.0, trust_env=False)

    # -- breaking and mending -----------------------------------------------------------------------------------------

    def pid(self, program: str) -> int:
        """Return the process id of a program that was started."""
        pid = self._order("ask", program)["pid"]
        assert isinstance(pid, int)
        return pid

    def launch(self, name: str, argv: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str]) -> None:
        """Start a program that is to end with the plane, such as a leader; `log(name)` is what it prints."""
        log = self.folder / "logs" / f"{name}.log"
        words = [str(word) for word in argv]
        self._order("start", name, argv=words, log=str(log), folder=str(folder), env=dict(environment))

    def ends(self, name: str, within_s: float) -> int:
        """Return the exit code of a launched program. Raises Failed if it goes on for longer."""
        code = self._order("wait", name, timeout_s=within_s)["code"]
        if code is None:
            raise Failed(f"{name} has not ended within {within_s} s:\n{self.log(name)[-3000:]}")
        assert isinstance(code, int)
        return code

    def tell(self, name: str, number: signal.Signals) -> None:
        """Send a program a signal."""
        self._order("signal", name, signal=int(number))

    def was_started(self, program: str) -> bool:
        """Return whether the program was ever started."""
        return self._order("ask", program)["pid"] is not None

    def is_running(self, program: str) -> bool:
        """Return whether the program was started and has not ended."""
        return bool((told := self._order("ask", program))["pid"]) and told["code"] is None

    def kill(self, program: str) -> None:
        """Kill the program outright and wait until it is gone."""
        self.tell(program, signal.SIGKILL)
        self._order("wait", program, timeout_s=keeper.STOP_TIMEOUT_S)

    def freeze(self, program: str) -> None:
        """Stop the program in its tracks; connections stay open and nobody answers."""
        self.tell(program, signal.SIGSTOP)

    def thaw(self, program: str) -> None:
        """Let a frozen program go on."""
        self.tell(program, signal.SIGCONT)

    def revive(self, program: str) -> None:
        """Start a killed program again where it was, on its data, and wait until the API server serves what it did."""
        self._run(program)
        if program in (ETCD, API):
            self.wait_ready()
            self._wait_served()

    def rotate_serving_certificate(self) -> None:
        """Give the API server a new certificate of the same authority; it notices by itself, within a minute."""
        self.authority.serve("127.0.0.1", "localhost")

    def replace_authority(self) -> None:
        """Have everything signed anew by another authority; what was signed before is worth nothing from now on.

        The API server starts anew for that, and so does who has its credentials from here.
        """
        self.kill(API)
        self.kill(MANAGER)
        self.authority = identity.authority(self.folder / "pki")
        self.authority.serve("127.0.0.1", "localhost")
        self.authority.user(self.server, "admin", "system:masters")
        self.revive(API)
        self._run(MANAGER)

    def compact(self) -> None:
        """Let etcd forget all revisions but the present one: a watch from before must be told 410."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.etcd_socket)), base_url="http://etcd") as etcd:
            told = etcd.post("/v3/kv/range", json={"key": "AA=="}).raise_for_status().json()
            etcd.post("/v3/kv/compaction", json={"revision": told["header"]["revision"]}).raise_for_status()

    def log(self, program: str) -> str:
        """Return everything the program has printed."""
        path = self.folder / "logs" / f"{program}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self, keep_logs: Path | None = None) -> None:
        """End everything and remove the folder; twice is once. The logs go to `keep_logs` where that is given."""
        if keep_logs is not None and (self.folder / "logs").is_dir():
            shutil.copytree(self.folder / "logs", keep_logs, dirs_exist_ok=True)
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        self._keeper.wait(2 * keeper.STOP_TIMEOUT_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- starting -----------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _begin(self) -> None:
        (self.folder / "logs").mkdir()
        identity.signing_key(self.folder / "pki" / "sa.key")
        self.authority.serve("127.0.0.1", "localhost")
        self.authority.user(self.server, "admin", "system:masters")
        self._run(ETCD)
        self._run(API)
        self.wait_ready()
        self._run(MANAGER)
        if self.scheduler:
            self._run(SCHEDULER)

    def wait_ready(self) -> None:
        """Return once the API server says it is ready. Raises Failed when it cannot become so."""
        until = time.monotonic() + READY_TIMEOUT_S
        said = "nothing"
        with self.client() as client:
            while time.monotonic() < until:
                try:
                    told = client.get("/readyz", timeout=5.0)
                    if told.status_code == 200:
                        return
                    said = told.text
                except httpx.TransportError as error:
                    said = repr(error)
                for program in (ETCD, API):
                    code = self._order("ask", program)["code"]
                    if code is not None:
                        raise Failed(f"{program} ended with {code}:\n{self.log(program)[-3000:]}")
                time.sleep(0.05)
        raise Failed(f"the API server is not ready after {READY_TIMEOUT_S} s: {said}\n{self.log(API)[-3000:]}")

    def _wait_served(self) -> None:
        """Return once every definition that was installed is served, and kubectl can find it.

        A server that has just started calls itself ready before it serves custom resources; whoever asks then is told
        that there is no such kind.
        """
        until = time.monotonic() + READY_TIMEOUT_S
        with self.client() as client:
            while missing := unserved(client):
                if time.monotonic() > until:
                    raise Failed(f"not served after {READY_TIMEOUT_S} s: {missing}\n{self.log(API)[-3000:]}")
                time.sleep(0.05)

    def _run(self, program: str) -> None:
        argv = [str(self.programs / program), *self._arguments(program)]
        log = self.folder / "logs" / f"{program}.log"
        # No proxy on the way to loopback; TMPDIR because programs write there.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        self._order("start", program, argv=argv, log=str(log), folder=str(self.folder), env=environment)

    def _arguments(self, program: str) -> list[str]:
        pki = self.folder / "pki"
        match program:
            case "etcd":
                # Relative to the folder the program is started in: a socket's path is at most 107 bytes.
                client, peer = "unix://etcd:2379", "unix://etcd:2380"
                return [
                    "--data-dir=etcd-data",
                    f"--listen-client-urls={client}",
                    f"--advertise-client-urls={client}",
                    f"--listen-peer-urls={peer}",
                    f"--initial-advertise-peer-urls={peer}",
                    f"--initial-cluster=default={peer}",
                    "--unsafe-no-fsync",
                    "--logger=zap",
                ]
            case "kube-apiserver":
                return [
                    "--etcd-servers=unix://etcd:2379",
                    f"--secure-port={self.port}",
                    "--bind-address=127.0.0.1",
                    # Nobody has to reach it from elsewhere, and a machine without a network has no address to find.
                    "--advertise-address=192.0.2.1",
                    "--endpoint-reconciler-type=none",
                    f"--tls-cert-file={pki / 'serving.crt'}",
                    f"--tls-private-key-file={pki / 'serving.key'}",
                    f"--client-ca-file={self.authority.certificate}",
                    "--authorization-mode=RBAC",
                    f"--service-account-key-file={pki / 'sa.key'}",
                    f"--service-account-signing-key-file={pki / 'sa.key'}",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    "--service-cluster-ip-range=10.0.0.0/24",
                    "--profiling=false",
                    *self.api_arguments,
                ]
            case "kube-controller-manager":
                return [
                    f"--kubeconfig={self.user('system:kube-controller-manager')}",
                    "--leader-elect=false",
                    "--secure-port=0",
                    "--use-service-account-credentials=true",
                    f"--service-account-private-key-file={pki / 'sa.key'}",
                    f"--root-ca-file={self.authority.certificate}",
                    f"--controllers={','.join(CONTROLLERS)}",
                ]
            case "kube-scheduler":
                config = self.user("system:kube-scheduler")
                return [f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0"]
            case _:
                raise AssertionError(f"there is no program {program}")

    def _order(self, do: str, program: str, **rest: object) -> dict[str, Any]:
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        self._keeper.stdin.write(json.dumps({"do": do, "name": program, **rest}) + "\n")
        self._keeper.stdin.flush()
        line = self._keeper.stdout.readline()
        if not line:
            raise Failed("the keeper of the control plane is gone, and its programs with it")
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise Failed(f"{do} {program}: {told['error']}")
        return told


def _load(context: ssl.SSLContext, user: dict[str, str]) -> None:
    """Load a client certificate from a kubeconfig into the context, which takes files alone."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        both.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        both.flush()
        context.load_cert_chain(both.name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
