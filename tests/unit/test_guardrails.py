"""What guardrails refuse in a change, rule kind by rule kind, and what they leave alone."""

from __future__ import annotations

import pytest

from orchestrator.core.guardrails import LINE_MAX, breaches, watched
from orchestrator.core.validate import findings
from orchestrator.model.base import ObjectMeta
from orchestrator.model.facts import Breach, Edit
from orchestrator.model.guardrail import Guardrail, Refuses
from orchestrator.model.train import MergeTrain, MergeTrainSpec


def rail(refuse: Refuses = Refuses.ADDED, *match: str, imports: tuple[str, ...] = (), **rest: object) -> Guardrail:
    document = {"name": "rule", "why": "because", "paths": ["src/**"], "refuse": refuse.value}
    return Guardrail.model_validate(document | {"match": list(match), "imports": list(imports)} | rest)


def edit(old: str | None, new: str | None, path: str = "src/a.py") -> Edit:
    return Edit(path, old, new)


def said(rule: Guardrail, *edits: Edit) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in breaches(edits, (rule,))]


HOST = rail(Refuses.ADDED, r"live\.example")


@pytest.mark.parametrize(
    ("new", "line"),
    [
        ('a = 1\nhost = "live.example"\n', 2),
        ("a = 1\n# live.example\n", 2),
        ('a = 1\nhost = "live" + ".exam" + "ple"\n', 2),
        ('a = 1\n\nhost = ("li"\n        "ve.example")\n', 3),
        ('host = ".".join(["live", "example"])\n', 1),
        ("host = f\"{'live'}.example\"\n", 1),
        ('host = b"live" + b".example"\n', 1),
    ],
)
def test_what_may_not_be_added_is_found_however_it_is_put_together(new: str, line: int) -> None:
    assert said(HOST, edit("a = 1\n", new)) == [("src/a.py", line)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('x = "live.example"\n', '\n\nx = "live.example"\n'),
        ('x = "live.example"\n', "x = 1\n"),
        (None, "host = other.example\n"),
        ('x = "live.example"\n', None),
    ],
)
def test_what_was_there_may_move_and_go(old: str | None, new: str | None) -> None:
    assert said(HOST, edit(old, new)) == []


def test_what_moves_between_watched_files_is_not_added() -> None:
    line = 'x = "live.example"\n'
    assert said(HOST, edit(line, None), edit(None, line, "src/b.py")) == []
    assert said(HOST, edit(line, line + line)) == [("src/a.py", 1)]


def test_only_watched_files_are_looked_at() -> None:
    spared = rail(Refuses.ADDED, "live", exceptPaths=["src/docs/**"])
    assert said(spared, *(edit(None, "live\n", path) for path in ("lib/a.py", "src/docs/a.md", "src/a.md"))) == [
        ("src/a.md", 1)
    ]
    assert watched((spared, HOST)) == ("src/**",)


KEPT = rail(Refuses.REMOVED, r"def (?P<key>test_\w+)")


def test_a_name_that_is_gone_is_told_by_the_line_it_had() -> None:
    old = "import x\n\ndef test_a() -> None: ...\ndef test_b() -> None: ...\n"
    assert said(KEPT, edit(old, "def test_a(value: int) -> None: ...\n")) == [("src/a.py", 4)]
    assert said(KEPT, edit(old, None)) == [("src/a.py", 3), ("src/a.py", 4)]
    assert said(KEPT, edit(old, None), edit(None, old, "src/b.py")) == []
    assert said(KEPT, edit(old, None), edit(None, old, "elsewhere/b.py")) == [("src/a.py", 3), ("src/a.py", 4)]


def test_what_is_fixed_changes_neither_way() -> None:
    fixed = rail(Refuses.CHANGED, "^MODE = .*")
    assert said(fixed, edit('MODE = "paper"\nx = 1\n', 'x = 2\nMODE = "paper"\n')) == []
    assert said(fixed, edit('MODE = "paper"\n', '\nMODE = "live"\n')) == [("src/a.py", 1), ("src/a.py", 2)]


def test_fewer_of_something_is_refused_whatever_they_say() -> None:
    asserts = rail(Refuses.FEWER, r"^\s*assert\b")
    old = "assert a\nassert b\nassert c\n"
    assert said(asserts, edit(old, "assert x\nassert y\nassert z\n")) == []
    assert said(asserts, edit(old, "assert c\n")) == [("src/a.py", 1), ("src/a.py", 2)]


RAISED = rail(Refuses.RAISED, r'"(?P<key>\w+_max)": "?(?P<value>[^",]+)')


@pytest.mark.parametrize(
    ("new", "is_refused"),
    [
        ('"a_max": 10', False),
        ('"a_max": 9', False),
        ('"a_max": 10.00', False),
        ('"a_max": 11', True),
        ('"a_max": 1e3', True),
        ('"a_max": 5\n"a_max": 50', True),
        ('"a_max": many', True),
        ('"a_max": NaN', True),
        ('"a_max": Infinity', True),
        ('"b_max": 10', True),
        ('"a_max": 10\n"b_max": 99', False),
        ("", True),
    ],
)
def test_a_number_may_not_grow_nor_vanish_nor_stop_being_one(new: str, is_refused: bool) -> None:
    assert bool(said(RAISED, edit('"a_max": 10', new))) is is_refused


def test_a_number_may_not_fall_where_less_is_looser() -> None:
    lowered = rail(Refuses.LOWERED, r"(?P<key>\w+_min) = (?P<value>.+)")
    assert said(lowered, edit("a_min = 10", "a_min = 11")) == []
    (breach,) = breaches([edit("a_min = 10", "\na_min = 9.5")], (lowered,))
    assert breach == Breach("src/a.py", 2, "the guardrail `rule` refuses to lower 10 to `a_min = 9.5`: because")


PURE = rail(imports=("socket", "trading.broker"))


@pytest.mark.parametrize(
    ("new", "line"),
    [
        ("import socket\n", 1),
        ("import json, socket as s\n", 1),
        ("def f():\n    from socket import create_connection\n", 2),
        ("from trading import broker\n", 1),
        ("from trading.broker.paper import PaperBroker\n", 1),
        ("from .broker import paper\n", 1),
        ("from importlib import import_module\n\nimport_module('socket')\n", 3),
        ("__import__('sock' + 'et')\n", 1),
        ("exec(input())\n", 1),
    ],
)
def test_an_import_is_found_however_it_is_spelled(new: str, line: int) -> None:
    assert said(PURE, edit("", new, "trading/src.py")) == []
    watching = PURE.model_copy(update={"paths": ("trading/**",)})
    assert said(watching, edit("", new, "trading/a.py")) == [("trading/a.py", line)]


def test_imports_that_were_there_and_others_pass() -> None:
    assert said(PURE, edit("import socket\n", "import json\nimport socket\nimport sockets\n")) == []
    assert said(PURE, edit(None, "import socket\n", "src/notes.md")) == []


def test_what_cannot_be_looked_at_is_refused() -> None:
    link = Edit("src/a.py", "x = 1\n", None, "no file, a link or a submodule")
    assert breaches([link], (HOST,)) == (
        Breach("src/a.py", 1, "the guardrail `rule` cannot look at this: no file, a link or a submodule: because"),
    )
    assert said(HOST, edit("", "\n" + "x" * (LINE_MAX + 1))) == [("src/a.py", 2)]
    assert said(PURE, edit("", "x = 1\ndef (:\n")) == [("src/a.py", 2)]
    assert said(HOST, edit("", "x = 1\ndef (:\n")) == [], "text is text, whether or not it runs"


def test_text_of_strangers_is_shown_escaped_and_short() -> None:
    (breach,) = breaches([edit("", "live.example\x1b[31m" + "x" * 500)], (HOST,))
    assert "\x1b" not in breach.reason and len(breach.reason) < 300


def test_what_is_wrong_with_guardrails_is_said_when_they_are_read() -> None:
    wrong = (
        rail(Refuses.ADDED, "(", "[a-z"),
        rail(Refuses.RAISED, "no groups"),
        rail(Refuses.ADDED, "a", imports=("b",), name="both"),
        rail(Refuses.ADDED, name="neither", paths=["/src"], exceptPaths=["a//b"]),
    )
    train = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec(guardrails=wrong))
    found = [(one.where[2:], one.code) for one in findings(train)]
    assert found == [
        ((0, "match", 0), "BadValue"),
        ((0, "match", 1), "BadValue"),
        ((1, "name"), "DuplicateGuardrail"),
        ((1, "match", 0), "BadValue"),
        ((2,), "BadValue"),
        ((3, "paths", 0), "BadPattern"),
        ((3, "exceptPaths", 0), "BadPattern"),
        ((3,), "BadValue"),
    ]
