"""What headings and labels mean: parts of an item ("Target Files:", "D.O.D"), groups of work ("Phase 2"), or neither.

Shapes first, words second: a heading that begins with `Phase 2` is a group of work whatever follows, and one that is a
known aside (overview, risks, references) is prose. Anything else is neutral: what it holds decides. Words are English,
with the commonest German, French and Spanish ones.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache


class Part(StrEnum):
    """A part of an item, or of a group of items, that a label or a heading begins."""

    OBJECTIVE = "objective"
    PATHS = "paths"
    OUT_OF_SCOPE = "out_of_scope"
    ACCEPTANCE = "acceptance"
    VALIDATION = "validation"
    NEEDS = "needs"
    TIER = "tier"
    LANE = "lane"
    PRIORITY = "priority"
    STATUS = "status"
    STEPS = "steps"
    """Tasks: the steps of one item, or the items of a group."""
    OUTPUTS = "outputs"
    """Deliverables: items of a group that has no tasks."""
    TEXT = "text"
    """Notes, current state, risks: told to the agent, no field of its own and never work."""
    ASIDE = "aside"
    """About the plan and not about the work: owner, estimate, due date."""


class Role(StrEnum):
    """What a section is."""

    WORK = "work"
    NEUTRAL = "neutral"
    ASIDE = "aside"
    LANES = "lanes"
    GUARDRAILS = "guardrails"
    ORDER = "order"
    """The order in which work is merged."""
    EXAMPLE = "example"
    """A template or legend: nothing in it is meant."""


_PARTS: tuple[tuple[Part, str], ...] = (
    (Part.OUT_OF_SCOPE, r"(explicitly )?(out of scope|not in scope|non goals?|excluded|exclusions|won t do)( .*)?|"
        r"nicht ziele|außerhalb|hors périmètre|fuera de alcance"),
    (Part.OBJECTIVE, r"(primary |main |key |overall |phase )?(objectives?|goals?|aim|outcome|"
        r"deliverable|ziele?|zielsetzung|objectifs?|"
        r"but|objetivos?)"),
    (Part.PATHS, r"((key|main|primary|target|affected|relevant|changed|touched|in scope|owned|new|"
        r"source|involved|expected|code) )*"
        r"(files?|paths?|file paths?|modules?|director(y|ies)|folders?|globs?|code areas?|surface( area)?)"
        r"( (to (change|modify|create|touch|edit|add|update)|changed|touched|affected|in scope|"
        r"involved|modified|created))*|"
        r"touches|owns|edits|writes|dateien|ziel ?dateien|betroffene dateien|pfade|fichiers( cibles|"
        r" concernés)?|chemins|archivos"),
    (Part.ACCEPTANCE, r"((key|overall|phase|milestone|release) )*(acceptance( criteri(a|on)| tests?| gates?)?|"
        r"success criteri(a|on)|"
        r"exit (criteri(a|on)|gate)|completion criteri(a|on)|criteria|definition of done|dod|done when|"
        r"done criteria|is done when|exit|done|"
        r"success metrics?|success|abnahme( ?kriterien)?|akzeptanz ?kriterien|erfolgs ?kriterien|fertig wenn|"
        r"critères( d acceptation| de succès| de réussite)?|criterios( de aceptación)?)"),
    (Part.VALIDATION, r"validate|validations?( commands?| steps?)?|verif(y|ication)( commands?| steps?)?|"
        r"how to (verify|test|validate)|test plan|"
        r"test(s|ing)?|test commands?|checks|commands|prüfung|tests? à lancer"),
    (Part.NEEDS, r"needs?|depends( on)?|dependenc(y|ies)|prerequisites?|requires|blocked by|after|builds on|"
        r"abhängigkeiten|hängt ab von|voraussetzung(en)?|braucht|dépend de|dépendances|depende de|dependencias"),
    (Part.TIER, r"tier|safety tier|stufe"),
    (Part.LANE, r"lanes?|swim ?lanes?"),
    (Part.PRIORITY, r"priority|prio|priorität|priorité"),
    (Part.STATUS, r"status|state|current status|progress|stand"),
    (Part.STEPS, r"((key|main|sub|implementation|high level|remaining) )*(tasks?|steps?|activities|"
        r"work( items)?|actions?|"
        r"action items|subtasks?|todos?|to do|implementation( steps| plan)?|checklist|aufgaben|"
        r"schritte|étapes|tâches|tareas)"),
    (Part.OUTPUTS, r"((key|main|expected) )*(deliverables|outputs?|features?|work products|artifacts|"
        r"ergebnisse|livrables)"),
    (Part.TEXT, r"((key|main|implementation|high level|technical) )*(notes?|details?|description|"
        r"current state|approach|"
        r"activity|how|plan|scope|in scope|what|why|rationale|context|background|motivation|problem|"
        r"solution|design|api|"
        r"beschreibung|hinweise?|requirements?|constraints?|guardrails?|risks?|mitigations?|"
        r"open questions?|questions|metrics|"
        r"inputs?|assumptions|considerations|caveats|discussion|learnings|remarks|comments?|risiken|risques|anmerkungen)"),
    (Part.ASIDE, r"owners?|assignees?|assigned( to)?|leads?|dri|responsible|team|estimates?|"
        r"estimated .*|effort|size|points|story points|due( date)?|"
        r"deadline|target( date| release)?|eta|dates?|timeline|time ?line|timeframe|duration|"
        r"start( date)?|end( date)?|weeks?|version|links?|refs?|"
        r"references?|see( also)?|issues?|prs?|pull requests?|tickets?|labels?|tags?|last updated|"
        r"updated|created|authors?|reviewers?|"
        r"budget|cost|complexity|impact|confidence|verantwortlich|zuständig|aufwand|dauer|termin|responsable|durée|fecha"),
)  # fmt: skip
_PART_PATTERNS = tuple((part, re.compile(rf"(?:{pattern})$")) for part, pattern in _PARTS)

STRONG = frozenset({Part.PATHS, Part.LANE, Part.NEEDS, Part.TIER, Part.VALIDATION})
"""Parts that only an item has; objectives and criteria a whole phase may have too."""

_GROUP = (
    r"phases?|iterations?|waves?|sprints?|milestones?|stages?|steps?|weeks?|days?|months?|quarters?|releases?|versions?|"
    r"agents?|workstreams?|work streams?|streams?|tracks?|epics?|tasks?|work packages?|wp|tickets?|"
    r"stor(?:y|ies)|cycles?|"
    r"increments?|squads?|modules?|features?|deliverables?|batch|slices?|etappen?|schritte?|meilensteine?|aufgaben?|welle|"
    r"teil|étapes?|jalons?|fases?|hitos?|tareas?|lane"
)
_WORK_START = re.compile(
    rf"(?:{_GROUP})(?:[\s#.-]*\d+(?:[.\d]*\d)?|[\s#.-]+(?:[ivx]{{1,4}}|[a-z]|one|two|three|four|five|six))(?![\w])|q[1-4]\b|"
    r"m\d{1,2}\b|v\d+(?:\.[\dx]+)*\b|h[12] \d{4}|20\d\d q[1-4]"
)
_WORK_WORDS = re.compile(
    r"\b(?:phases?|iterations?|waves?|sprints?|milestones?|backlog|roadmap|to ?do(?:s| list)?|tasks|"
    r"work items?|workstreams?|"
    r"action items?|next steps?|checklist|deliverables|fahrplan|aufgaben|meilensteine|"
    r"feuille de route|tâches|tareas|hoja de ruta)\b|"
    r"^(?:now|next|later|soon|someday|upcoming|planned|in progress|doing|ongoing|remaining( work)?|open|pending|ideas|"
    r"short term|mid term|medium term|long term|must have|should have|could have|nice to have|"
    r"high priority|medium priority|"
    r"low priority|p[0-3]|offen|geplant|in arbeit|en cours|à faire|pendiente)\b|\bagent$"
)
_DONE_TITLE = re.compile(
    r"(?:already |recently )?(?:completed|done|finished|shipped|released|delivered|landed|closed|"
    r"implemented|erledigt|abgeschlossen|fertig|"
    r"terminé(?:es?|s)?|fait|hecho|completado)(?: (?:work|items?|tasks?|phases?|milestones?|features?|"
    r"so far|recently|this .*|in .*))?$"
)
_ASIDE = re.compile(
    r"(?:executive |project |quick |current |high level |system |general |the |our |key |about |design )*"
    r"(?:overview|introduction|intro|summary|abstract|tl ?dr|purpose|background|context|motivation|"
    r"rationale|problem(?: statement)?|"
    r"vision|mission|philosophy|principles|assumptions|constraints|limitations|risks?|mitigations?|dependencies|"
    r"references?|resources|links|further reading|reading list|bibliography|glossary|terminology|"
    r"definitions|vocabulary|appendix|annex|"
    r"faq|questions|open (?:implementation |design )?(?:questions|decisions|points)|non goals?|goals?|"
    r"objectives?|out of scope|scope|status|metadata|"
    r"authors?|licen[cs]e|"
    r"contribut\w+|table of contents|contents|toc|change ?log|history|revision history|release notes|"
    r"about|credits|acknowledge?ments|"
    r"architecture|design|tech(?:nology|nical)? stack|stack|tools|tooling|team|"
    r"roles?(?: and responsibilities)?|responsibilities|"
    r"state|baseline|communication|budget|timeline|schedule|metrics|kpis|success metrics|success criteria|"
    r"exit criteria|acceptance criteria|"
    r"definition of done|dod|notes?|alternatives(?: considered)?|drawbacks|prior art|decision log|"
    r"decisions|governance|support|contact|"
    r"prerequisites|requirements|getting started|usage|installation|quick ?start|conventions|"
    r"best practices|lessons learned|"
    r"überblick|übersicht|einleitung|hintergrund|kontext|ziele|nicht ziele|risiken|anhang|referenzen|"
    r"quellen|glossar|offene fragen|"
    r"abhängigkeiten|annahmen|zusammenfassung|aperçu|contexte|risques?|objectifs|annexe|références|résumé|resumen|contexto|riesgos)"
    r"(?:(?: and| &|,|/| et| und| y) .*| register| assessment| analysis| management| considered| log| matrix)?$|"
    r"(?:how|why|what|when|who|where)\b.*|.*\b(?:today|at a glance)$"
)
_EXAMPLE = re.compile(
    r".*\b(?:templates?|examples?|legend|notation|sample|vorlage|legende|modèle|plantilla)\b.*|key$|how to read .*"
)
_LANES = re.compile(
    r"(?:the )?(?:swim ?)?lanes?(?: (?:definitions?|ownership|map|assignments?|overview).*)?$|"
    r"(?:code |file |path )?ownership.*|lane owners.*"
)
_GUARDRAILS = re.compile(
    r".*\b(?:guard ?rails?|invariants?|safety (?:rules?|gates?|constraints?|requirements?)|"
    r"hard (?:rules?|constraints?|limits?)|"
    r"ground rules|red lines|non negotiables?|must not|leitplanken|garde fous)\b.*"
)
_ORDER = re.compile(
    r".*\b(?:merg\w*|land(?:ing)?|integrat\w+|roll ?out|deliver\w*|ship\w*)\b.*\b(?:order|sequence|first)\b.*|"
    r".*\border of (?:merg\w+|landing|integration|work)\b.*|.*\b(?:merge|landing) (?:train|plan|tiers?)\b.*|"
    r"(?:merge|dependency|landing) (?:order|sequence).*"
)
_NUMBERING = re.compile(r"(?:§\s*)?(?:\d+(?:\.\d+)*[.):]?|\(?[a-z]\)|[ivx]+[.)])\s+(?=\S)", re.IGNORECASE)
_TAIL = re.compile(r"\s*\([^()]*\)\s*$")


@lru_cache(maxsize=4096)
def plain(label: str) -> str:
    """Return the words of a label or heading: lower case, without marks, numbering and what is in brackets behind."""
    text = unicodedata.normalize("NFC", label).strip().strip("*_`#: ").strip()
    text = _NUMBERING.sub("", text, count=1) if _NUMBERING.match(text) else text
    while (shorter := _TAIL.sub("", text)) != text and shorter:
        text = shorter
    text = text.casefold().replace("d.o.d", "dod").replace("&", " & ")
    return " ".join(re.sub(r"[^\w&,/ ]+", " ", text.replace("_", " ").replace("-", " ")).split()).strip(" ,/")


@lru_cache(maxsize=4096)
def part_of(label: str) -> Part | None:
    """Return which part of an item the label begins, None if it is no such label."""
    words = plain(label)
    if not words or len(words) > 60:
        return None
    return next((part for part, pattern in _PART_PATTERNS if pattern.match(words)), None)


def role_of(title: str) -> Role:
    """Return what a section of this title is."""
    words = plain(title)
    if _WORK_START.match(words):
        return Role.WORK
    for role, pattern in (
        (Role.EXAMPLE, _EXAMPLE),
        (Role.GUARDRAILS, _GUARDRAILS),
        (Role.ORDER, _ORDER),
        (Role.LANES, _LANES),
    ):
        if pattern.match(words):
            return role
    if _ASIDE.match(words):
        return Role.ASIDE
    if _WORK_WORDS.search(words) or is_done_title(title):
        return Role.WORK
    return Role.NEUTRAL


def is_done_title(title: str) -> bool:
    """Return whether a heading says that everything below it is done."""
    return _DONE_TITLE.match(plain(title)) is not None


def is_order(text: str) -> bool:
    """Return whether a line introduces the order in which work is merged."""
    return len(text) < 120 and _ORDER.match(plain(text)) is not None
