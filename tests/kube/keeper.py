"""The process that a control plane's programs are children of, so that nothing outlives a test run, however it ends.

Started by `plane` as `python keeper.py FOLDER` in a session of its own: a signal for the run's process group does not
reach it. It takes one JSON document a line and answers each with one. When its input ends, which is what a kill -9 of
the run looks like from here, it kills every program, removes the folder and goes. Should it be killed itself, the
programs' parent-death signal ends them. Nothing but the standard library: it has to start at once.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
STOP_TIMEOUT_S = 20.0


def die_with_parent() -> None:
    """Ask the kernel to kill this process with its parent. Called between fork and exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it started in its own session, such as the commands of a shell."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _answer(order: dict[str, Any], running: dict[str, subprocess.Popen[bytes]]) -> dict[str, Any]:
    """Carry out one order and return what came of it."""
    name = order["name"]
    process = running.get(name)
    match order["do"]:
        case "start":
            if process is not None and process.poll() is None:
                return {"error": f"{name} is running already"}
            with open(order["log"], "ab") as log:
                running[name] = subprocess.Popen(
                    order["argv"],
                    cwd=order["folder"],
                    env=order["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=die_with_parent,
                )
            return {"pid": running[name].pid}
        case "signal" if process is not None:
            if process.poll() is None:
                process.send_signal(order["signal"])
            return {"code": process.poll()}
        case "wait" if process is not None:
            try:
                return {"code": process.wait(order["timeout_s"])}
            except subprocess.TimeoutExpired:
                return {"code": None}
        case "ask":
            return {"code": process.poll() if process else None, "pid": process.pid if process else None}
        case _:
            return {"error": f"{order['do']} {name}: no such program was started"}


def main(folder: Path) -> None:
    """Serve until the input ends, then leave nothing."""
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for line in sys.stdin:
            try:
                answer = _answer(json.loads(line), running)
            except (OSError, ValueError, KeyError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
    finally:
        # Killed, not asked: an API server that loses its etcd hangs in a graceful stop and keeps its port.
        for process in running.values():
            _kill_group(process)
        for process in running.values():
            process.wait(STOP_TIMEOUT_S)
        shutil.rmtree(folder, ignore_errors=True)
        # A program that was just killed may have left a file while the folder was being removed.
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
