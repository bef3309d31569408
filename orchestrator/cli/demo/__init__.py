"""`interlock demo`: the whole story in a throw-away repository, told and checked.

The walk: `staging` builds the folder (with the scenes of `cast`, played by `agent`), the demo types `interlock plan`
and `interlock run` there (`commands`) while `prompter` looks on, `account` reads what happened from machine output and
git, `story` says which parts of it were as promised, `show` writes it all down.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import time
from collections.abc import Iterator

from orchestrator.cli.demo import account as accounts
from orchestrator.cli.demo import cast, show, staging
from orchestrator.cli.demo.account import Account, ShopTests, Wait
from orchestrator.cli.demo.cast import Part
from orchestrator.cli.demo.commands import answer, document
from orchestrator.cli.demo.prompter import Prompter
from orchestrator.cli.demo.staging import Stage
from orchestrator.cli.demo.story import Chapter, chapters
from orchestrator.cli.output import Document, Output
from orchestrator.errors import Invalid, Unusable
from orchestrator.model.condition import Phase

RUN_TIMEOUT_S = 180
"""Far beyond the story's length on a slow machine; a run that hangs must end the demo with exit 1."""
TEST_COMMAND = "python3 -B -m unittest discover -q -s tests -t ."


def demo(args: argparse.Namespace, out: Output) -> int:
    """Play the story; return 0 if every part of it happened, else 1."""
    began = time.monotonic()
    missing = staging.programs_missing()
    if missing:
        raise Unusable(f"the demo needs {' and '.join(missing)} on PATH; install that and type it again.")
    stage = staging.build(args.out, without=_parts(args.without), pace=args.pace)
    with _inside(stage):
        wait = _play(stage, out)
        account = _account(stage, wait)
    told = chapters(account)
    seconds = time.monotonic() - began
    if out.is_machine:
        with _inside(stage):
            out.document(_document(stage, account, told, seconds))
    elif _was_stopped(account, seconds):
        show.stopped(stage, out)
        return 1
    else:
        show.told(told, out)
        show.history(stage.git("log", "--graph", "--first-parent", "--oneline", "main"), out)
        show.explained(wait, out)
        show.closing(stage, out, seconds)
    if all(chapter.happened for chapter in told):
        return 0
    show.failed(told, out)
    return 1


def _was_stopped(account: Account, seconds: float) -> bool:
    """Return whether somebody ended the run in the middle: agents were at work and its time was not up."""
    return seconds < RUN_TIMEOUT_S and any(item.phase == Phase.RUNNING for item in account.items.values())


def _parts(names: list[str]) -> frozenset[Part]:
    try:
        return frozenset(Part(name) for name in names)
    except ValueError as error:
        raise Invalid(f"--without: {error}; there is {', '.join(Part)}") from None


@contextlib.contextmanager
def _inside(stage: Stage) -> Iterator[None]:
    """Be where the reader would type: in the repository, with the state beside it."""
    before = os.environ.get("INTERLOCK_STATE")
    os.environ["INTERLOCK_STATE"] = str(stage.state)
    try:
        with contextlib.chdir(stage.repository):
            yield
    finally:
        if before is None:
            del os.environ["INTERLOCK_STATE"]
        else:
            os.environ["INTERLOCK_STATE"] = before


def _play(stage: Stage, out: Output) -> Wait | None:
    """Plan, commit, run; return the wait that was recorded meanwhile."""
    # With -o json stdout belongs to the one document at the end.
    said = io.StringIO() if out.is_machine else out.stdout
    words = Output(stdout=said, stderr=out.stderr)
    show.opening(stage, words, _tests(stage).says)
    show.command(words, "interlock plan roadmap.md --out specs/")
    answer("plan", "roadmap.md", "--out", "specs/", stdout=said, stderr=out.stderr)
    show.command(words, "git add specs && git commit -m 'Plan the opening'")
    staging.commit(stage, "Plan the opening")
    jobs = 1 if Part.PARALLEL in stage.without else cast.AGENTS_AT_ONCE
    show.command(words, f"interlock run --jobs {jobs}")
    with Prompter(stage) as prompter:
        answer("run", "--jobs", str(jobs), "--timeout", f"{RUN_TIMEOUT_S}s", stdout=said, stderr=out.stderr)
    return prompter.wait


def _account(stage: Stage, wait: Wait | None) -> Account:
    log = stage.git(
        "log", "--first-parent", "--reverse", "--diff-merges=first-parent", "--name-only", "-z",
        f"--format={accounts.LOG_FORMAT}", "main",
    )  # fmt: skip
    return Account(
        plan=accounts.planned(document("plan", "roadmap.md")),
        items=accounts.items(document("status")),
        runs=accounts.runs(document("get", "runs")),
        validations=accounts.validations(document("get", "validations")),
        landings=accounts.landings(log),
        wait=wait,
        tests=_tests(stage),
    )


def _tests(stage: Stage) -> ShopTests:
    """Run the shop's tests in the reader's checkout of the base, which the leader keeps at its tip."""
    done = subprocess.run(
        ["sh", "-c", TEST_COMMAND], cwd=stage.repository, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    ran = next((line for line in done.stderr.splitlines() if line.startswith("Ran ")), "none ran")
    clean = not stage.git("status", "--porcelain").strip()
    says = f"{ran.partition(' in ')[0].lower()}, {'all pass' if done.returncode == 0 else 'not all pass'}"
    return ShopTests(
        passed=done.returncode == 0 and clean, says=says if clean else f"{says}, but the checkout is not clean"
    )


def _document(stage: Stage, account: Account, told: tuple[Chapter, ...], seconds: float) -> Document:
    """Return what `demo -o json` prints (CONTRACT §3): the status and what is beside it."""
    wait = account.wait
    return {
        **document("status"),
        "directory": str(stage.directory),
        "seconds": round(seconds, 1),
        "denied": accounts.denied(account),
        "story": [{"part": c.part, "promise": c.promise, "happened": c.happened, "told": c.told} for c in told],
        "explained": {"name": wait.name, "reason": wait.reason, "waitingFor": list(wait.waiting_for)} if wait else None,
    }
