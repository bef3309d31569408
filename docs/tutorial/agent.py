"""The tutorial's agent: for each item one program that does it, run in the workspace Interlock made.

Interlock starts this through the provider's command; `run.json` says which item it is for.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = {
    "format-extensions": ["ruff", "format", "--isolated", "--no-cache", "markdown/extensions"],
    "absolute-imports": [sys.executable, str(HERE / "absolute_imports.py"), "markdown"],
    "extension-table": [sys.executable, str(HERE / "plant_table.py")],
    "test-extension-names": [sys.executable, str(HERE / "write_tests.py"), "tests/test_extension_names.py"],
}


def main() -> int:
    """Run the item's program and leave a summary; return its exit code."""
    folder = Path(os.environ["INTERLOCK_DIR"])
    spec = json.loads((folder / "run.json").read_text())["run"].rpartition("-")[0]
    done = subprocess.run(PROGRAMS[spec])
    (folder / "result.json").write_text(json.dumps({"summary": " ".join(PROGRAMS[spec][:2])}))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
