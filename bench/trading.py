"""How fast trading is: what the engine plays, beside others where asked, and what the gate costs.

Usage: python bench/trading.py [--profile] [--others] [--processes]      the engine alone: python bench/desk/engine.py

The scripts lie in a folder of their own because this file is called what the package is called: beside it, `import
trading` would find it instead.
"""

import runpy
import sys
from pathlib import Path

DESK = Path(__file__).resolve().parent / "desk"

if __name__ == "__main__":
    sys.path[0] = str(DESK)
    for name in ("engine", "gate"):
        runpy.run_path(str(DESK / f"{name}.py"), run_name="__main__")
