"""Every command of docs/cluster.md is run, in order, by somebody with a cluster, a clone and a repository."""

from __future__ import annotations

import itertools
import os
import re
import sys
from pathlib import Path

import pytest

from tests.kube.plane import ROOT, Plane

pytestmark = pytest.mark.kube

# What the README has the reader do before: a repository with agents, lanes and planned items.
HELLO = """\
cp -r docs/hello ~/hello && cd ~/hello
git init --quiet --initial-branch=main && git add . && git commit --quiet -m "Say hello"
interlock init --agent "python3 agent.py"
interlock plan roadmap.md --out specs/
git add . && git commit --quiet -m "Let agents work here"
"""


def blocks(markdown: str) -> list[str]:
    """Return the page's shell, block by block."""
    return re.findall(r"^```sh\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)


def test_every_command_of_the_page_works_on_a_new_cluster(tmp_path: Path) -> None:
    page = blocks((ROOT / "docs/cluster.md").read_text())
    assert len(page) == 5
    with Plane.start() as plane:
        typed = itertools.count(1)
        environment = plane.environment() | {
            "HOME": str(tmp_path),
            "PATH": os.pathsep.join([str(plane.programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
        }

        def types(shell: str) -> str:
            # Kept by the plane: a guide's leader must not outlive the run, whatever becomes of that.
            name = f"typed-{next(typed)}"
            plane.launch(name, ["bash", "-euxo", "pipefail", "-c", shell], folder=ROOT, environment=environment)
            code = plane.ends(name, within_s=300)
            assert code == 0, f"{shell}\n{plane.log(name)}"
            return plane.log(name)

        types(HELLO)
        # The commands of the first block that are not remarks: three, and the change of folder.
        assert len([line for line in page[0].splitlines() if line and not line.startswith("cd ")]) == 3
        told = types("\n".join(page))
        assert "implementationspec.interlock.dev/shout condition met" in told
        assert "rolebinding.rbac.authorization.k8s.io/authors created" in told
        landed = "git -C ~/hello log --first-parent --reverse --format=%s main"
        assert types(landed).splitlines()[-2:] == ["names: Refuse an empty name", "shout: Greet aloud"]
