"""Every command the README shows is run, in order, where a reader would run it: in a fresh copy of this repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(markdown: str) -> str:
    """Return the shell of the `sh` and `console` blocks, in order; a console block marks commands with a dollar sign.

    A make target is only checked to exist: `make test` would come back to this very test, and `make setup` downloads.
    What the targets do is proved by the suites themselves and by the slow test of a clean clone.
    """
    found = []
    for language, body in re.findall(r"^```(sh|console)\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL):
        if language == "console":
            body = "".join(line.removeprefix("$ ") for line in body.splitlines(True) if line.startswith("$ "))
        found.append(body)
    return re.sub(r"(?m)^make ([\w-]+)", r"make --dry-run --silent \1 >/dev/null", "".join(found))


@dataclass(frozen=True)
class Reader:
    """Somebody with a fresh clone, a home of their own and nothing set up but `.venv`."""

    clone: Path
    environment: dict[str, str]

    def types(self, shell: str) -> subprocess.CompletedProcess[str]:
        """Run the shell in the clone and stop at the first command that fails."""
        return subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", shell],
            cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    clone = tmp_path / "clone"
    clone.mkdir()
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return Reader(clone, kept | {"HOME": str(home)})


def test_a_block_of_shell_and_a_console_session_both_yield_commands() -> None:
    text = "```sh\n# say\na \\\n  b\n```\n```console\n$ c\noutput\n```\n```yaml\nd: 1\n```\n"
    assert script(text) == "# say\na \\\n  b\nc\n"


def test_a_make_target_that_is_not_there_is_noticed(reader: Reader) -> None:
    assert reader.types(script("```sh\nmake help && true\n```\n")).returncode == 0
    assert reader.types(script("```sh\nmake no-such-target && true\n```\n")).returncode != 0


def test_every_command_in_the_readme_works(reader: Reader) -> None:
    readme = (reader.clone / "README.md").read_text()
    assert "\nmake demo\n" in readme
    done = reader.types(script(readme) + "interlock status -o json >~/status.json\n")
    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads((Path(reader.environment["HOME"]) / "status.json").read_text())
    assert {spec["name"]: spec["phase"] for spec in status["specs"]} == {"names": "Landed", "shout": "Landed"}
    log = subprocess.run(
        ["git", "log", "--first-parent", "--reverse", "--format=%s", "main"],
        cwd=Path(reader.environment["HOME"]) / "hello", check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert log.stdout.splitlines()[2:] == ["names: Refuse an empty name", "shout: Greet aloud"]
