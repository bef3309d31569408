"""A scripted agent of that night: for each start of an item, write files, wait for a cue, or ask for more scope."""

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CUE_TIMEOUT_S = 60.0


def main() -> int:
    folder = Path(os.environ["INTERLOCK_DIR"])
    order = json.loads((folder / "run.json").read_text())
    item, _, start = order["run"].rpartition("-")
    scenes = json.loads((HERE / "script.json").read_text())[item]
    scene = scenes[min(int(start), len(scenes)) - 1]
    for path, text in scene.get("writes", {}).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    for path, (old, new) in scene.get("edits", {}).items():
        text = Path(path).read_text()
        if new not in text:
            assert old in text, f"{path} does not hold {old!r}"
            Path(path).write_text(text.replace(old, new))
    (HERE / f"{order['run']}.reached").write_text(json.dumps({"scope": order["scope"]}))
    deadline = time.monotonic() + CUE_TIMEOUT_S
    while scene.get("cue") and not (HERE / scene["cue"]).exists():
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.02)
    if scene.get("asks"):
        (folder / "scope-request.json").write_text(
            json.dumps({"paths": scene["asks"], "reason": "the switch is set there"})
        )
        return 11
    return 0


if __name__ == "__main__":
    sys.exit(main())
