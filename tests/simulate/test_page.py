"""Every file and every command that the simulation page shows is written and run, in the page's order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/simulate.md"


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    steps = re.findall(r"^Write `(.+?)`:\n\n```yaml\n(.*?)^```|^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ran = 0
    for name, text, session in steps:
        if name:
            (tmp_path / name).write_text(text)
        for command in re.findall(r"^\$ (.+)$", session, re.MULTILINE):
            done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, command + done.stdout + done.stderr
            ran += 1
    assert ran == 4
    assert (tmp_path / "capacity.html").stat().st_size > 2_000
