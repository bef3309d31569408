"""Every command the README shows is run, in order, where a reader would run it: in a fresh copy of this repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def commands(markdown: str) -> list[str]:
    """Return the commands of the `sh` and `console` blocks, in order; a console block marks each with a dollar sign."""
    found = []
    for language, body in re.findall(r"^```(sh|console)\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL):
        lines = body.replace("\\\n", "").splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [line for line in lines if line.strip() and not line.startswith("#")]
    return found


def executable(command: str) -> str:
    """Return what the test runs for a command.

    A make target is only checked to exist: `make test` would come back to this very test, and `make setup` downloads.
    What the targets do is proved by the suites themselves and by the slow test of a clean clone.
    """
    return re.sub(r"^make\b", "make --dry-run --silent >/dev/null", command)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a repository of its own with the files of this work tree, ignored ones left out."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "copy" / name)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Copy"]):
        subprocess.run(["git", *arguments], cwd=tmp_path / "copy", check=True)
    return tmp_path / "copy"


def test_a_block_of_shell_and_a_console_session_both_yield_commands() -> None:
    text = "```sh\n# say\na \\\n  b\n```\n```console\n$ c\noutput\n```\n```yaml\nd: 1\n```\n"
    assert commands(text) == ["a   b", "c"]


def test_a_make_target_that_is_not_there_is_noticed(copy: Path) -> None:
    assert subprocess.run(executable("make no-such-target"), shell=True, cwd=copy, capture_output=True).returncode != 0


def test_every_command_in_the_readme_works(copy: Path) -> None:
    lines = commands((copy / "README.md").read_text())
    assert "make demo" in lines
    script = "set -xeuo pipefail\n" + "\n".join(executable(line) for line in lines)
    done = subprocess.run(["bash", "-c", script], cwd=copy, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
