"""A scripted agent: plays the scene of its script that fits what it was told, and speaks the runner protocol doing so.

The demo copies this file beside its repository and names it in the provider's command. It imports the standard library
only, and of Interlock nothing: any program that reads INTERLOCK_DIR and edits the files it is started in will do.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CUE_TIMEOUT_S = 45.0
"""Longer than a staging waits on a slow machine, shorter than the provider's own limit."""


def main() -> int:
    """Play the run described in INTERLOCK_DIR and return the exit code of the runner protocol."""
    folder = Path(os.environ["INTERLOCK_DIR"])
    order = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    script = json.loads((HERE / "script.json").read_text(encoding="utf-8"))
    scene = choose(script["scenes"][order["run"].rsplit("-", 1)[0]], order)
    for step in scene["steps"]:
        play(step, float(script["pace"]))
    result = {"summary": scene["steps"][-1].get("say", ""), "model": "scripted"}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


def choose(scenes: list[dict[str, Any]], order: dict[str, Any]) -> dict[str, Any]:
    """Return the last scene whose conditions hold: the start it begins with, the words the evidence must contain."""
    start = int(order["run"].rsplit("-", 1)[1])
    evidence = json.dumps(order.get("evidence", []), ensure_ascii=False)
    fits = [scene for scene in scenes if start >= scene["start"] and scene["told"] in evidence]
    return fits[-1]


def play(step: dict[str, Any], pace: float) -> None:
    """Do one step in the work tree: say something, take time, wait for a cue, copy an edit, or die."""
    if step.get("say"):
        sys.stdout.write(step["say"] + "\n")
        sys.stdout.flush()
    time.sleep(step.get("seconds", 0) * pace)
    if step.get("cue"):
        wait_for(HERE / step["cue"])
    if step.get("edit"):
        shutil.copytree(HERE / "edits" / step["edit"], ".", dirs_exist_ok=True)
    if step.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for(cue: Path) -> None:
    """Return when the file is there, or after CUE_TIMEOUT_S: a stage that forgot its actor must not hang."""
    deadline = time.monotonic() + CUE_TIMEOUT_S
    while not cue.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
