"""Plants a documentation generator into the repository, runs it there, and leaves both: the tool and what it wrote."""

import runpy
import shutil
import sys
from pathlib import Path

shutil.copy(Path(__file__).with_name("extension_table.py"), "tools/extension_table.py")
sys.argv = ["tools/extension_table.py"]
runpy.run_path("tools/extension_table.py", run_name="__main__")
