"""The verbs for objects: `apply`, `get`, `describe`, `delete`, as kubectl users expect them."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Verbs, output_option

KINDS_HELP = "spec, lane, run, train, provider, decision, roadmap, validation; or all"


def add(verbs: Verbs, group: Group) -> None:
    """Add the object verbs to the command line."""
    apply = verbs.add(
        "apply",
        "create or change objects from files",
        about="""
Reads every document first; if one breaks its schema, all mistakes are listed and nothing is done. Then each object is
created, configured or found unchanged. The leader acts on it at its next look.
""",
        examples=["interlock apply -f interlock.yaml -f lanes/ -f specs/", "cat spec.yaml | interlock apply -f -"],
        calls="objects:apply",
        group=group,
    )
    apply.add_argument(
        "-f", "--filename", action="append", required=True, metavar="PATH", help="file, folder or - (repeatable)"
    )
    output_option(apply, "table", "json", "yaml", "name")
    get = verbs.add(
        "get",
        "list objects of a kind, or show one",
        about=f"""
Lists the objects of a kind, or the one that is named. Kinds: {KINDS_HELP}. -o yaml and -o json print Kubernetes
objects.
""",
        examples=["interlock get specs", "interlock get spec order-firewall -o yaml", "interlock get runs -o wide"],
        calls="objects:get",
        group=group,
    )
    get.add_argument("kind", metavar="KIND", help=KINDS_HELP)
    get.add_argument("name", nargs="?", metavar="NAME", help="one object (KIND/NAME works too)")
    get.add_argument("-l", "--selector", metavar="KEY=VALUE", help="only objects with these labels (comma-separated)")
    output_option(get, "table", "wide", "json", "yaml", "name")
    describe = verbs.add(
        "describe",
        "everything about one object, its events included",
        about="Shows one object in full for reading: metadata, spec, status, conditions and the newest events.",
        examples=["interlock describe spec order-firewall", "interlock describe train main"],
        calls="objects:describe",
        group=group,
    )
    describe.add_argument("kind", metavar="KIND", help=KINDS_HELP)
    describe.add_argument("name", nargs="?", metavar="NAME", help="the object (KIND/NAME works too)")
    output_option(describe, "table", "json", "yaml")
    delete = verbs.add(
        "delete",
        "remove objects",
        about="""
Removes objects. A spec that has not landed is cancelled first: delete refuses while its agent runs, its pull request is
open or its files are claimed, because nothing would be left that says whose they are; cancel it, let the leader finish,
then delete.
""",
        examples=["interlock delete spec cost-model", "interlock delete -f specs/cost-model.yaml"],
        calls="objects:delete",
        group=group,
    )
    delete.add_argument("kind", nargs="?", metavar="KIND", help=KINDS_HELP)
    delete.add_argument("names", nargs="*", metavar="NAME", help="the objects")
    delete.add_argument("-f", "--filename", action="append", default=[], metavar="PATH", help="what these files define")
    delete.add_argument("--ignore-not-found", action="store_true", help="what is not there is fine")
    output_option(delete, "table", "json", "yaml", "name")
