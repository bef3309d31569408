"""The smallest agent: it does what an indented block of the prompt says. Yours asks a model there."""

import json
import os
import re
import sys
from pathlib import Path

told = Path(os.environ["INTERLOCK_DIR"])
run = json.loads((told / "run.json").read_text())
code = re.search(r"\n\n((?:    .*\n|\n)+)", (told / "prompt.md").read_text() + "\n")
if code is None:
    sys.exit(10)  # nothing to do
target = Path(run["scope"]["paths"][0])
target.write_text(re.sub("(?m)^    ", "", code[1]).strip() + "\n")
print(f"{run['run']}: wrote {target}")  # goes to `interlock logs`
(told / "result.json").write_text(json.dumps({"summary": f"Wrote {target}.", "model": "none"}))
