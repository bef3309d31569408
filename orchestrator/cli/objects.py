"""The object verbs as kubectl users expect them: `apply`, `get`, `describe`, `delete`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from orchestrator.adapters.documents import plain_yaml
from orchestrator.adapters.documents.writer import document_of
from orchestrator.cli import manifests
from orchestrator.cli.applying import Applied, Verdict, apply_all
from orchestrator.cli.columns import columns_of, row_of
from orchestrator.cli.context import found, settings_of, store_of, unknown
from orchestrator.cli.desired import placed, prompts
from orchestrator.cli.history import event_document
from orchestrator.cli.output import Output
from orchestrator.cli.people import speaker
from orchestrator.cli.standings import moment
from orchestrator.cli.table import Column, age, write_table
from orchestrator.core.suggest import did_you_mean, listed, with_article
from orchestrator.errors import Invalid, Refused
from orchestrator.model.base import Resource
from orchestrator.model.condition import Phase
from orchestrator.model.decision import Decision
from orchestrator.model.kinds import KINDS, resolve
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

ALL: tuple[type[Resource], ...] = (MergeTrain, AgentProvider, Lane, ImplementationSpec, AgentRun)
EVENTS_SHOWN = 20


def apply(args: argparse.Namespace, out: Output) -> int:
    """Create or change what the files define; all of it or, if a document is wrong, nothing."""
    loaded = manifests.read(args.filename)
    if not loaded.objects:
        raise Invalid(f"{', '.join(args.filename)}: holds no document")
    cluster = store_of(args)
    known = [(kind.KIND, obj.name) for kind in KINDS for obj in cluster.list(kind)]
    specs = [each.resource for each in loaded.objects if isinstance(each.resource, ImplementationSpec)]
    world = [*loaded.resources, *(obj for kind in (MergeTrain, AgentProvider) for obj in cluster.list(kind))]
    unmade = prompts(specs, world, placed(loaded.objects))
    manifests.require_sound([*loaded.problems, *loaded.dangling(known), *unmade], "apply")
    out.problems(loaded.problems)
    applied = apply_all(cluster, [each.anchored() for each in loaded.objects], actor=speaker(args))
    if out.is_machine:
        out.document(listing([each.object for each in applied]))
    else:
        for each in applied:
            out.line(_reference(each.object) if out.format == "name" else f"{_reference(each.object)} {each.verdict}")
    return 1 if any(each.verdict is Verdict.CONTENDED for each in applied) else 0


def get(args: argparse.Namespace, out: Output) -> int:
    """List objects of a kind, or show one."""
    cluster = store_of(args)
    if args.kind.lower() == "all" and args.name is None:
        return _get_all(cluster, args, out)
    kind, name = _kind_and_name(args.kind, args.name)
    chosen = [found(cluster, kind, name, settings_of(args))] if name else _selected(cluster.list(kind), args.selector)
    if out.is_machine:
        out.document(document_of(chosen[0]) if name else listing(chosen))
    elif out.format == "name":
        for obj in chosen:
            out.line(_reference(obj))
    elif not chosen:
        out.remark(f"no {kind.PLURAL} found")
    else:
        _table(kind, chosen, out)
    return 0


def describe(args: argparse.Namespace, out: Output) -> int:
    """Show one object in full, with its events."""
    cluster = store_of(args)
    kind, name = _kind_and_name(args.kind, args.name)
    if not name:
        such_as = settings_of(args).typed(f"interlock describe {args.kind} NAME")
        raise Invalid(f"describe {args.kind}: name one, such as: {such_as}")
    obj = found(cluster, kind, name, settings_of(args))
    if out.is_machine:
        out.document({**document_of(obj), "events": [event_document(e) for e in cluster.events(name, EVENTS_SHOWN)]})
        return 0
    document = document_of(obj)
    status = document.pop("status", None)
    conditions = status.pop("conditions", []) if status else []
    out.line(plain_yaml(document).rstrip("\n"))
    if status:
        out.line("status:")
        out.line("\n".join(f"  {line}" for line in plain_yaml(status).splitlines()))
    if conditions:
        out.line()
        columns = [
            Column("CONDITION"),
            Column("STATUS"),
            Column("REASON"),
            Column("SINCE"),
            Column("MESSAGE", gives_way=True),
        ]
        rows = [
            [c["type"], c["status"], c.get("reason", ""), c["lastTransitionTime"], c.get("message", "")]
            for c in conditions
        ]
        write_table(out, columns, rows)
    events = cluster.events(name, EVENTS_SHOWN)
    if events:
        out.line()
        columns = [Column("EVENT"), Column("AT"), Column("BY"), Column("MESSAGE", gives_way=True)]
        write_table(
            out, columns, [[e.reason, moment(e.at) or "", e.actor, " ".join(e.message.split())] for e in events]
        )
    return 0


def delete(args: argparse.Namespace, out: Output) -> int:
    """Remove objects; refuse what would leave an agent, a pull request or a claim without a name."""
    cluster = store_of(args)
    wanted = _named(args)
    if args.filename:
        wanted += [(type(r), r.name) for r in manifests.read(args.filename).resources]
    if not wanted:
        raise Invalid("delete: name objects (interlock delete spec NAME) or files (-f FILE)")
    present = []
    for kind, name in wanted:
        obj = cluster.get(kind, name)
        if obj is None and not args.ignore_not_found:
            raise Refused(unknown(kind.KIND, name, [other.name for other in cluster.list(kind)], settings_of(args)))
        if obj is not None:
            refusal = _keeps(cluster, obj, settings_of(args))
            if refusal:
                raise Refused(f"delete {_reference(obj)}: {refusal}")
            present.append(obj)
    for obj in present:
        if not cluster.delete(type(obj), obj.name, obj.version):
            raise Refused(f"delete {_reference(obj)}: it changed meanwhile; look again, then repeat")
        if not out.is_machine:
            out.line(_reference(obj) if out.format == "name" else f"{_reference(obj)} deleted")
    if out.is_machine:
        out.document(listing(present))
    return 0


def listing(objects: list[Resource]) -> dict[str, object]:
    """Return the objects as a Kubernetes List."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [document_of(obj) for obj in objects]}


def _get_all(cluster: Cluster, args: argparse.Namespace, out: Output) -> int:
    groups = [(kind, _selected(cluster.list(kind), args.selector)) for kind in ALL]
    if out.is_machine:
        out.document(listing([obj for _, objects in groups for obj in objects]))
        return 0
    shown = 0
    for kind, objects in groups:
        if objects and out.format == "name":
            out.line("\n".join(_reference(obj) for obj in objects))
        elif objects:
            if shown:
                out.line()
            _table(kind, objects, out)
        shown += len(objects)
    if not shown:
        out.remark("no objects found")
    return 0


def _table(kind: type[Resource], objects: list[Resource], out: Output) -> None:
    wide = out.format == "wide"
    rows = []
    for obj in objects:
        created = obj.metadata.creation_timestamp
        rows.append([*row_of(obj, out.now, wide=wide), age((out.now - created).total_seconds()) if created else ""])
    write_table(out, [*columns_of(kind, wide=wide), Column("AGE", right=True, style="dim")], rows)


def _kind_and_name(kind_word: str, name: str | None) -> tuple[type[Resource], str | None]:
    word, _, after = kind_word.partition("/")
    kind = resolve(word)
    if kind is None:
        words = {w for k in KINDS for w in (k.KIND, k.PLURAL, *k.SHORT)}
        raise Invalid(
            f"there is no kind `{word}`{did_you_mean(word, words)}; kinds: {listed([k.PLURAL for k in KINDS], 'and')}"
        )
    if after and name:
        raise Invalid(f"{kind_word} {name}: write KIND/NAME or KIND NAME, not both")
    return kind, after or name


def _named(args: argparse.Namespace) -> list[tuple[type[Resource], str]]:
    if not args.kind:
        return []
    kind, first = _kind_and_name(args.kind, None)
    names = [first] if first else []
    names += args.names
    if not names:
        raise Invalid(f"delete {args.kind}: name the objects to remove")
    return [(kind, name) for name in names]


def _selected(objects: Iterable[Resource], selector: str | None) -> list[Resource]:
    chosen = list(objects)
    for term in (selector or "").split(","):
        key, operator, value = term.partition("!=") if "!=" in term else term.partition("=")
        if not key.strip():
            continue
        key, value = key.strip(), value.lstrip("=").strip()
        chosen = [obj for obj in chosen if _matches(obj.metadata.labels.get(key), operator, value)]
    return chosen


def _matches(label: str | None, operator: str, value: str) -> bool:
    if operator == "!=":
        return label != value
    return label == value if operator else label is not None


def _keeps(cluster: Cluster, obj: Resource, settings: Settings) -> str | None:
    """Return why the object must stay; None if it may go."""
    match obj:
        case AgentRun() | Decision():
            return f"{with_article(obj.kind)} is a record: it says what was done and by whom, and is never removed"
        case ImplementationSpec():
            claimed = any(c.spec == obj.name for train in cluster.list(MergeTrain) for c in train.status.claims)
            status = obj.status
            busy = status.phase in (Phase.RUNNING, Phase.PROPOSED) or (status.phase is not Phase.LANDED and claimed)
            if busy:
                first = settings.typed(f"interlock cancel {obj.name}")
                return f"it is {status.phase.value} and holds files; first: {first}, then delete it"
        case MergeTrain():
            if obj.status.claims or obj.status.entries or obj.status.landing:
                return "it still has claims or entries; cancel or finish the items that land through it first"
        case Lane():
            users = [s.name for s in cluster.list(ImplementationSpec) if _is_open(s) and obj.name in s.spec.lane_names]
            if users:
                return f"{listed(users, 'and')} work in it; cancel or change them first"
        case AgentProvider():
            users = [s.name for s in cluster.list(ImplementationSpec) if _is_open(s) and s.spec.agent == obj.name]
            users += [lane.name for lane in cluster.list(Lane) if lane.spec.agent == obj.name]
            if users:
                return f"{listed(users, 'and')} use it; change them first"
        case Roadmap():
            pass
        case _:
            return f"{with_article(obj.kind)} is the leader's own record"
    return None


def _is_open(spec: ImplementationSpec) -> bool:
    return spec.status.phase not in (Phase.LANDED, Phase.CANCELLED)


def _reference(obj: Resource) -> str:
    return f"{obj.KIND.lower()}.interlock.dev/{obj.name}"


__all__ = ["Applied", "apply", "delete", "describe", "get", "listing"]
