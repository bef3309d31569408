"""The verbs that begin something: `demo`, `init`, `doctor` and `run`."""

from __future__ import annotations

import argparse

from orchestrator.cli.parser import Group, Verbs, output_option


def first_steps(verbs: Verbs, group: Group) -> None:
    """Add `demo`, `init` and `doctor` to the command line."""
    demo = verbs.add(
        "demo",
        "watch the whole story in a throw-away repository, under a minute",
        about="""
Builds a small repository with real tests, plans its roadmap, lets scripted agents work on it side by side and lands
what passes. It needs no credentials and no network, and touches nothing outside its own folder. Exit 1 if any part of
the story did not go as staged.
""",
        examples=["interlock demo", "interlock demo --out /tmp/story   # keep it there and look around"],
        calls="demo:demo",
        group=group,
    )
    demo.add_argument("--out", metavar="DIR", help="build it in this folder, which must not exist (default: a new one)")
    demo.add_argument("--without", action="append", default=[], metavar="PART", help=argparse.SUPPRESS)
    demo.add_argument("--pace", type=float, default=1.0, help=argparse.SUPPRESS)
    output_option(demo, "table", "json")
    init = verbs.add(
        "init",
        "write interlock.yaml and lanes/ for this repository",
        about="""
Looks at the repository (base branch, languages, test command, CI, CODEOWNERS, folders, what the last 3,000 commits
changed together, lockfiles, agent programs on PATH) and writes interlock.yaml and lanes/*.yaml, every guess explained
in a comment. It runs nothing of the repository. Where such files are there already it shows what it would write and
writes nothing, unless --force; and it says what a person still has to decide.
""",
        examples=["interlock init", "interlock init && interlock lanes coverage && interlock doctor"],
        calls="init:init",
        group=group,
    )
    init.add_argument("--base", metavar="BRANCH", help="the branch changes land on (default: guessed)")
    init.add_argument("--gate", metavar="COMMAND", help="the command that tests a change (default: guessed)")
    init.add_argument("--agent", metavar="COMMAND", help="the program that does the work (default: what is on PATH)")
    init.add_argument("--force", action="store_true", help="overwrite files that are there")
    output_option(init, "table", "json", "yaml")
    doctor = verbs.add(
        "doctor",
        "refuse now whatever would make the end fail later",
        about="""
Checks everything a run depends on before a token is spent: the repository, its base branch, the documents, lanes,
gates and the programs they start, agents, the state folder, the disk, and what this machine can contain. At the end
every gate of trains and lanes is run on the base as the leader would, in a private clone: a base that is red, or on
which a gate cannot run, lets nothing land. Every line that is not ok says what to do. Exit 1 if anything fails. With
--kube the cluster comes first: whether it can be reached, knows the kinds and fields of this version, lets this user do
what a leader does, and who leads; the documents are then those of the namespace.
""",
        examples=[
            "interlock doctor",
            "interlock doctor --quick   # without running the gates",
            "interlock doctor -o json",
            "interlock doctor --kube --namespace interlock",
        ],
        calls="doctor:doctor",
        group=group,
    )
    _documents(doctor)
    doctor.add_argument(
        "--no-gates",
        "--quick",
        dest="gates",
        action="store_false",
        help="do not run the gates of trains and lanes on the base, which takes as long as they take",
    )
    output_option(doctor, "table", "json", "yaml")


def run(verbs: Verbs, group: Group) -> None:
    """Add `run` to the command line."""
    parser = verbs.add(
        "run",
        "apply the files and work until everything is landed",
        about="""
Reads interlock.yaml, lanes/ and specs/ (or what -f names), applies them, and is the leader in the foreground until
every spec is landed (exit 0) or only a person can change anything (exit 1, saying who has to do what). What an
earlier run applied and this one no longer finds is cancelled. Any mistake in any file stops it before anything is
done.

Ctrl-C stops cleanly: agents are ended, their work is kept, and the same command goes on from there. A second one
stops at once; nothing is lost then either.
""",
        examples=[
            "interlock run                          # in a repository that has an interlock.yaml",
            "interlock run -f specs/first.yaml -f interlock.yaml -f lanes/ --jobs 2",
            "interlock run --once -o json           # one pass, the result as JSON",
        ],
        calls="run:run",
        group=group,
    )
    _documents(parser)
    parser.add_argument(
        "--once",
        action="store_true",
        help="one pass: start what can start now, wait for what was started, land what is ready, then exit",
    )
    parser.add_argument("--jobs", type=_positive, metavar="N", help="agents at once, over all lanes")
    parser.add_argument(
        "--timeout", type=_duration, metavar="TIME", help="stop cleanly after this time (90s, 5m, 1h30m)"
    )
    parser.add_argument("--wait", action="store_true", help="if another leader is at work here, wait for its end")
    output_option(parser, "table", "json", "yaml")


def leader(verbs: Verbs, group: Group) -> None:
    """Add `leader` to the command line."""
    parser = verbs.add(
        "leader",
        "lead a cluster's namespace: the same work, with its objects",
        about="""
Works on the objects of a namespace as `interlock run` works on files: what was applied there (with kubectl, or by Argo
CD) is brought about in this repository. One leader acts at a time; others wait and take over when it ends or is gone.
Agents and gates run on this machine.

SIGTERM or Ctrl-C stops it in order: agents are ended, their work is kept, and the next leader begins at once.
--once is for CI: it does what can be done, waits for what it started, and exits 0 if every spec has landed, else 1.
""",
        examples=[
            "interlock leader --kube   # the kubeconfig's context, or the pod's account",
            "interlock leader --kube --namespace swarm --listen :8080",
            "interlock leader --kube --once --max-minutes 50 -o json   # from CI",
        ],
        calls="leader:leader",
        group=group,
    )
    parser.add_argument(
        "--once", action="store_true", help="end when all has landed, or only a person can change anything"
    )
    parser.add_argument(
        "--max-minutes", type=_positive, metavar="N", help="with --once: stop cleanly after so many minutes"
    )
    parser.add_argument("--jobs", type=_positive, metavar="N", help="agents at once, over all lanes")
    parser.add_argument(
        "--lease",
        type=_duration,
        default="15s",
        metavar="TIME",
        help="how long others wait for a leader that says nothing any more (default %(default)s)",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help="answer /healthz, /readyz and /metrics there")
    output_option(parser, "table", "json", "yaml")


def _documents(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        metavar="PATH",
        help="read this file or folder (repeatable; default interlock.yaml, lanes/ and specs/)",
    )


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return number


def _duration(text: str) -> str:
    import re

    if not re.fullmatch(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a span of time like 90s, 5m or 1h30m")
    return text
