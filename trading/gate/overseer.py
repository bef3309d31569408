"""Watches over the account: what it is worth, whether the clock was set, which limits hold, and what follows from that.

Towards severity it acts by itself; back only as a person wishes, with a name and a reason.
"""

from __future__ import annotations

import json
from typing import Any

from trading.clock import StepMeter
from trading.data import calendar
from trading.gate import account as accounts
from trading.gate import grants, state
from trading.gate import limits as limits_module
from trading.gate.books import Books
from trading.gate.state import Latch
from trading.model import SECOND, TradingState


class Overseer:
    """Lets what happens to the account move the latch."""

    def __init__(self, books: Books, key: bytes) -> None:
        self._books = books
        self._key = key
        self._steps = StepMeter(books.clock)
        self._stepped = 0
        self._watchdog_seen = False

    def look(self, now: int) -> None:
        """Work out the account, and let what it says move the latch."""
        snapshot, book = self._books.snapshot, self._books.snapshot.book
        step = self._steps.measure()
        # The largest since a person armed the desk: one that halted is not forgotten by looking again.
        self._stepped = max(self._stepped, step)
        snapshot.clock_step = self._stepped
        if self._stepped > self._books.limits.clock_step_ms_max * 1_000_000:
            self._books.halt(f"the clock was set by {self._stepped} ns")
        equity = self._books.account.equity(book.held, snapshot.quotes)
        snapshot.equity, snapshot.cash = equity, self._books.account.cash
        day = calendar.day_of(now)
        if equity is None or equity <= 0 or day is None:
            snapshot.equity = None
            self._books.halt("equity is not computable")
            return
        before = (self._books.account.day, self._books.account.peak)
        values = self._books.account.values(book.held, snapshot.quotes)
        strategies = self._books.account.look(day.isoformat(), equity, values, self._books.desk.strategies)
        snapshot.strategies = strategies
        snapshot.day_start_equity, snapshot.peak_equity_today = self._books.account.start, self._books.account.peak
        for name, one in strategies.items():
            if one.enabled and one.loss * 10_000 > self._books.limits.strategy_drawdown_bps_max * one.budget:
                self._books.account.standing(name).enabled = False
                self._books.page("strategy", f"{name} is disabled: it is down {one.loss}")
                self._books.keep_account()
        if before != (self._books.account.day, self._books.account.peak) and before[0] != self._books.account.day:
            self._books.keep_account()
        down = (self._books.account.peak - equity) * 10_000
        if down > self._books.limits.drawdown_killed_bps_max * self._books.account.peak:
            self._books.raise_latch(
                TradingState.KILLED, "drawdown", f"down {self._books.account.peak - equity} from today's peak"
            )
        elif down > self._books.limits.drawdown_reducing_bps_max * self._books.account.peak:
            self._books.raise_latch(
                TradingState.REDUCING, "drawdown", f"down {self._books.account.peak - equity} from today's peak"
            )
        lost = sum(not self._books.account.standing(name).enabled for name in self._books.desk.strategies)
        if lost > self._books.limits.strategies_lost_max:
            self._books.raise_latch(TradingState.KILLED, "strategies", f"{lost} strategies are lost")

    def hear(self, watchdog_at: int | None, now: int) -> None:
        """Take the watchdog's last heartbeat into account: one that was there and fell silent halts."""
        self._books.watchdog_at = watchdog_at
        if watchdog_at is not None and now - watchdog_at <= self._books.limits.watchdog_age_s_max * SECOND:
            self._watchdog_seen = True
        elif self._watchdog_seen:
            # Before the first heartbeat nothing can be opened either: the firewall asks for one.
            self._watchdog_seen = False
            self._books.halt("the watchdog is silent")

    def roll(self, now: int) -> None:
        """Let looser limits take effect that were kept for this session."""
        body = self._books.store.fact("limits_later")
        day = calendar.day_of(now)
        if not body or day is None:
            return
        later = json.loads(body)
        session = calendar.session(day)
        if later["after"] >= day.isoformat() or session is None or now < session.opens:
            return
        found, _ = limits_module.read(json.dumps(later["limits"]).encode())
        with self._books.store.transaction():
            self._books.store.keep("limits_later", b"")
            if found is not None:
                self._books.store.keep("limits", json.dumps(limits_module.document(found)).encode())
        if found is not None:
            self._books.use(found)

    def lower_latch(self, to: TradingState, by: str, reason: str) -> Latch:
        """Move back as a person wishes; raise `Refusal`."""
        now = self._books.clock.now()
        if self._books.store.suspicion:
            raise state.Refusal(f"{self._books.store.suspicion}; look at it, then: trading reconcile --accept-store")
        if self._books.limits_doubt:
            raise state.Refusal(f"{self._books.limits_doubt}; set them: trading gate limits propose FILE --key FILE")
        equity = self._books.account.equity(self._books.snapshot.book.held, self._books.snapshot.quotes)
        if equity is None or equity <= 0:
            raise state.Refusal("equity is not computable: something held has no quote")
        reconciled = self._books.reconciled_at
        self._books.latch = self._books.store.change_latch(
            lambda old: state.lowered(
                old, to, now, by=by, reason=reason, reconciled_at=reconciled, limits=self._books.limits
            )
        )
        self._stepped = 0
        self._books.page("state", f"{self._books.latch.state} by {by}: {reason}")
        return self._books.latch

    def enable(self, strategy: str, by: str, reason: str) -> None:
        """Let a strategy open again; its drawdown is counted anew. Raises `Refusal`."""
        if not by.strip() or not reason.strip() or strategy not in self._books.desk.strategies:
            raise state.Refusal("name a strategy of this desk, yourself and a reason")
        standing = self._books.account.standing(strategy)
        value = self._books.account.values(self._books.snapshot.book.held, self._books.snapshot.quotes).get(strategy, 0)
        standing.enabled, standing.peak, standing.start = True, value, value
        self._books.snapshot.book.rejects[strategy] = 0
        with self._books.store.transaction():
            self._books.store.note(f"enable {strategy} by {by}: {reason}".encode())
            self._books.store.keep("account", accounts.encode(self._books.account))

    def new_limits(self, text: bytes, signed: dict[str, Any]) -> tuple[str, ...]:
        """Take limits: what is tighter at once, what is looser from the next session on. Return the looser ones.

        A signature counts once. Whatever is taken voids what waited for the next session: the last word holds.
        """
        found, failures = limits_module.read(text)
        if found is None:
            raise state.Refusal("; ".join(failure.message for failure in failures))
        looser = limits_module.loosened(found, self._books.limits)
        # Next to limits that nobody can read, any may be looser.
        takes_signature = bool(looser or self._books.limits_doubt)
        if takes_signature:
            bound = {"digest": found.digest} | {name: signed.get(name) for name in ("by", "reason", "nonce")}
            signature = {"signature": signed.get("signature")}
            if not all(bound.values()) or not grants.is_signed(self._key, bound | signature):
                raise state.Refusal(
                    f"{', '.join(looser) or self._books.limits_doubt} would be looser: "
                    "that needs a signature, a name and a reason; "
                    "sign with the desk's key: trading gate limits propose FILE --key FILE --by NAME --reason TEXT"
                )
            if self._books.store.fact(f"limits-signed:{bound['nonce']}") is not None:
                raise state.Refusal("this signature was used before; sign anew")
        now = self._books.clock.now()
        day = calendar.day_of(now)
        tighter = limits_module.tightest(self._books.limits, found)
        with self._books.store.transaction():
            self._books.store.keep("limits", json.dumps(limits_module.document(tighter)).encode())
            later = {"after": str(day), "limits": limits_module.document(found)} if looser else None
            self._books.store.keep("limits_later", b"" if later is None else json.dumps(later).encode())
            if takes_signature:
                self._books.store.keep(f"limits-signed:{signed.get('nonce')}", json.dumps(signed).encode())
        self._books.limits_doubt = ""
        self._books.use(tighter)
        return looser
