"""What a desk is: where its files lie, whose uid is whose, which account, which strategies, what can be traded.

One JSON file, `desk.json`, read once when a process starts. Everything wrong with it is said at once, with its path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trading.gate import documents
from trading.gate import limits as limits_module
from trading.gate.book import Book
from trading.gate.codes import Code, Failure
from trading.gate.fields import Fields, as_name
from trading.gate.limits import Limits
from trading.gate.snapshot import Listing, Snapshot
from trading.gate.strict import Unreadable, parse
from trading.gate.tail import Tail
from trading.model import Symbol

BEAT_EVERY_S, SILENCE_S = 10.0, 60.0
_WORDS_MAX = 64


class Unusable(Exception):
    """The desk's file cannot be used; the message lists everything that is wrong with it."""


@dataclass(frozen=True)
class Places:
    """Where the files of a desk lie. The high-water mark has a place of its own, so that no backup takes both."""

    state: Path
    mark: Path

    @property
    def store(self) -> Path:
        """Return the gate's store."""
        return self.state / "gate.db"

    @property
    def gate_socket(self) -> Path:
        """Return where strategies, feeds and operators talk to the gate."""
        return self.state / "gate.sock"

    @property
    def broker_socket(self) -> Path:
        """Return where the gate talks to the simulator."""
        return self.state / "broker.sock"

    @property
    def kill_file(self) -> Path:
        """Return the file whose being there kills."""
        return self.state / "KILL"

    @property
    def lock(self) -> Path:
        """Return what the one running gate holds."""
        return self.state / "gate.lock"

    def beat(self, who: str) -> Path:
        """Return where a process writes its heartbeat."""
        return self.state / f"{who}.beat"

    @property
    def loops(self) -> Path:
        """Return the folder of the heartbeats of trading loops; every user may leave a file there, as in /tmp."""
        return self.state / "loops"

    def loop_beat(self, strategy: str) -> Path:
        """Return where the loop of a strategy writes its heartbeat."""
        return self.loops / f"{strategy.replace('/', '%')}.beat"

    @property
    def alerts(self) -> Path:
        """Return where pages to a person are kept."""
        return self.state / "alerts.jsonl"


@dataclass(frozen=True)
class Desk:
    """A desk as its file says it."""

    account_id: str
    endpoint: str
    cash: int
    strategies: dict[str, tuple[int, int]]
    """Uid and budget by name."""
    operators: frozenset[int]
    feeds: frozenset[int]
    watchdogs: frozenset[int]
    gates: frozenset[int]
    limits: Limits
    instruments: dict[Symbol, Listing] = field(default_factory=dict)
    market: Snapshot | None = None
    """Holds the restricted list and the risk data."""
    beat_every_s: float = BEAT_EVERY_S
    silence_s: float = SILENCE_S
    page_command: tuple[str, ...] = ()
    """What is run for each page, with the page on its input; empty for nothing."""

    @property
    def uids(self) -> frozenset[int]:
        """Return everybody who has a part in the desk, the gate itself apart."""
        return self.operators | self.watchdogs | self.feeds | {uid for uid, _ in self.strategies.values()}

    def strategy_of(self, uid: int) -> str | None:
        """Return the strategy a uid runs."""
        return next((name for name, (own, _) in self.strategies.items() if own == uid), None)


def read(path: Path) -> Desk:
    """Return the desk a file describes; raise `Unusable`."""
    try:
        document, duplicates = parse(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise Unusable(f"{path}: {error}") from error
    faults: list[Failure] = []
    fields = Fields("desk", document, faults)
    for name in duplicates:
        faults.append(Failure(Code.FIELD_DUPLICATE, name))
    account = fields.inner("account")
    account_id = endpoint = cash = None
    if account is not None:
        account_id, endpoint = account.text("id", 64), account.text("endpoint", 200)
        cash = account.amount("cash", 0, documents.AMOUNT_MAX)
        account.closed()
    strategies: dict[str, tuple[int, int]] = {}
    for name, value in fields.entries("strategies", 1000) or ():
        one = Fields(f"desk.strategies.{name[:64]}", value, faults)
        if as_name(name) is None:
            one.fault(Code.FIELD_INVALID, one.path, "a name of at most 64 characters that begins with a letter")
        uid, budget = one.integer("uid", 0, documents.UID_MAX), one.amount("budget", 1, documents.AMOUNT_MAX)
        one.closed()
        if uid is not None and budget is not None:
            if any(uid == other for other, _ in strategies.values()):
                one.fault(Code.FIELD_INVALID, one.path, "run by a uid of its own")
            strategies[name] = (uid, budget)
    uids = {name: _uids(fields, name) for name in ("operators", "feeds", "watchdogs", "gates")}
    limits = _limits(fields, path, faults)
    beat, silence = (fields.integer(name, 1, 10**6) for name in ("beat_every_ms", "silence_ms"))
    instruments = documents.read_instruments(fields)
    returns, scenarios = documents.read_risk(fields)
    market = Snapshot(Book(limits, {}), Tail(returns, scenarios), limits.digest)
    documents.read_restricted(fields, market)
    page_command = _command(fields)
    fields.closed()
    if faults or account_id is None or endpoint is None or cash is None or beat is None or silence is None:
        raise Unusable("\n".join(f"{path}: {fault.message}" for fault in faults))
    return Desk(
        account_id,
        endpoint,
        cash,
        strategies,
        uids["operators"],
        uids["feeds"],
        uids["watchdogs"],
        uids["gates"],
        limits,
        instruments,
        market,
        beat / 1000,
        silence / 1000,
        page_command,
    )


def _uids(fields: Fields, name: str) -> frozenset[int]:
    value = fields.value(name)
    if isinstance(value, list) and all(type(uid) is int and 0 <= uid <= documents.UID_MAX for uid in value):
        return frozenset(value)
    if value is not None:
        fields.fault(Code.FIELD_INVALID, f"desk.{name}", "a list of uids")
    return frozenset()


def _command(fields: Fields) -> tuple[str, ...]:
    value = fields.value("page_command", optional=True)
    if value is None:
        return ()
    words = value if isinstance(value, list) and 0 < len(value) <= _WORDS_MAX else []
    found = tuple(word for word in words if isinstance(word, str) and word and "\0" not in word)
    if not words or len(found) != len(words):
        fields.fault(Code.FIELD_INVALID, "desk.page_command", "a program and its arguments, a list of texts")
        return ()
    return found


def _limits(fields: Fields, path: Path, faults: list[Failure]) -> Limits:
    name = fields.value("limits", optional=True)
    if name is None:
        return limits_module.defaults()
    try:
        found, failures = limits_module.read((path.parent / str(name)).read_bytes())
    except OSError as error:
        fields.fault(Code.FIELD_INVALID, f"desk.limits ({error})", "a file")
        return limits_module.defaults()
    faults.extend(failures)
    return found or limits_module.defaults()
