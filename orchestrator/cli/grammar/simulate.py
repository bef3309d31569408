"""The verb that asks what would happen: `simulate`. It reads its files and touches nothing."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Verbs, output_option


def add(verbs: Verbs, group: Group) -> None:
    """Add `simulate` to the command line."""
    simulate = verbs.add(
        "simulate",
        "what the merge train would do with made-up work",
        about="""
Plays pull requests, failures, pushes, outages and people's words against the real merge train, minute by minute and
within a moment of yours: what lands when, what is rejected and why, which validations run. A file may say what it
expects, so train settings can be tested in CI before anybody pays for them: exit 1 if something is not as expected or
a rule of the train was broken, 2 if a file cannot be read (every mistake is listed with its line).

A file with a `workload` instead of entries asks how many runners are worth paying for: a made-up day of work under this
train and under other policies, in a table; --html draws what other numbers of runners and failure rates would do.
""",
        examples=[
            "interlock simulate train.yaml",
            "interlock simulate capacity.yaml --html capacity.html",
            "interlock simulate --from-history --html capacity.html",
            "interlock simulate simulations/ -o json | jq '.simulations[] | {name, met}'",
        ],
        calls="simulate:simulate",
        group=group,
    )
    simulate.add_argument("files", nargs="*", metavar="FILE", help="simulations: files, folders, or - for stdin")
    simulate.add_argument(
        "--from-history", action="store_true", help="a workload as this repository's store has met it, with its train"
    )
    simulate.add_argument("--html", metavar="FILE", help="with a workload: draw other days as a page for a browser")
    output_option(simulate, "table", "json", "yaml")
