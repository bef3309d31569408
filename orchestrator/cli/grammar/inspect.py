"""The verbs that only look: `status`, `explain`, `logs`, `events`, `report`."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Verbs, output_option


def add(verbs: Verbs, group: Group) -> None:
    """Add the looking verbs to the command line."""
    status = verbs.add(
        "status",
        "every item and the merge train at a glance",
        about="""
Shows every spec with its phase, why it is there and what it waits for, and the merge train in landing order. It reads
the store: while no leader runs, it says how things were left.

--watch goes on showing it while another process leads: on a terminal in place, until q or Ctrl-C; piped, a line per
change. --until-done ends by itself once nothing moves any more: exit 0 if all landed, 1 if not.
""",
        examples=[
            "interlock status",
            "interlock status --watch",
            "interlock status --until-done | tee swarm.log   # beside a run in the background",
            "interlock status -o json | jq '.specs[] | select(.phase == \"Stalled\")'",
        ],
        calls="status:status",
        group=group,
    )
    status.add_argument("--watch", action="store_true", help="go on showing what changes, until q or Ctrl-C")
    status.add_argument(
        "--until-done", action="store_true", help="watch until nothing is open or no leader is at work; 0 if all landed"
    )
    output_option(status, "table", "json", "yaml")
    explain = verbs.add(
        "explain",
        "why an item waits, for what, until when, and what you can do",
        about="""
Answers for one item (or the train): where it stands, what exactly it waits for, since when, what would have to happen,
and which commands could change it. Of a pull request in the train also its place, every candidate it is tested in with
what its gates say so far, and when it may land: a span, from how long the gates took and what was rejected before; none
where too little is known. --log adds what was decided so far, in order.
""",
        examples=[
            "interlock explain order-firewall",
            "interlock explain order-firewall --log   # and how it came to this",
            "interlock explain main   # the train itself",
        ],
        calls="explain:explain",
        group=group,
    )
    explain.add_argument("name", metavar="NAME", help="a spec, or a train")
    explain.add_argument("--log", action="store_true", help="add what was decided about the spec so far, in order")
    output_option(explain, "table", "json", "yaml")
    logs = verbs.add(
        "logs",
        "what an agent printed",
        about="""
Prints the output of a run, or of the newest run of a spec. The log is bounded and secrets in it are masked; on a
terminal control characters are shown as text.
""",
        examples=["interlock logs order-firewall -f", "interlock logs order-firewall-2 --tail 50"],
        calls="history:logs",
        group=group,
    )
    logs.add_argument("name", metavar="RUN|SPEC", help="a run, or a spec for its newest run")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    logs.add_argument("--tail", type=int, metavar="N", help="only the last N lines")
    events = verbs.add(
        "events",
        "the audit trail: what happened, when, because of whom",
        about="Prints what happened, oldest first: state changes, decisions, denials, landings (of one object).",
        examples=["interlock events", "interlock events order-firewall --limit 20"],
        calls="history:events",
        group=group,
    )
    events.add_argument("name", nargs="?", metavar="NAME", help="only of this object")
    events.add_argument("--limit", type=int, default=200, metavar="N", help="the newest N (default %(default)s)")
    output_option(events, "table", "json", "yaml")
    report = verbs.add(
        "report",
        "one page for a browser: what landed, what waits, and why",
        about="""
Writes everything the store knows as one HTML file: a timeline of runs, gates and landings with what each waited for,
the train's order and why, lanes and claims, denied paths, failures with their evidence, cost, people's decisions and
provenance. The file holds no script and loads nothing, so it can be mailed, printed or kept as a CI artifact; the same
store gives the same bytes. -o json prints the same facts as a document.
""",
        examples=["interlock report", "interlock report --out swarm.html", "interlock report -o json | jq .delays"],
        calls="report:report",
        group=group,
    )
    report.add_argument(
        "--out", metavar="FILE", help="write the page here (default: report.html in the state folder; - is stdout)"
    )
    output_option(report, "html", "json", "yaml")
