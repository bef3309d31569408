"""A run's dealings with the gate: what it is told goes into the log, what it sends is asked about once.

What the gate did not answer is asked for by its id and never sent again. Where the log and the gate differ nobody
trades before a person has looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from trading.clock import Clock
from trading.data import calendar
from trading.events import (
    Accepted,
    Adjusted,
    Allowed,
    Cancelled,
    Denied,
    Expired,
    Fill,
    Intent,
    Joined,
    Rejected,
    StateChanged,
)
from trading.gate.client import Refused
from trading.gate.mine import Mine, MyFill, MyOrder
from trading.gate.wire import NotSent, Unanswered
from trading.model import SECOND, Lots, Money, Nanos, Side, Symbol, decimal
from trading.service.course import Course

LOOK_NS = SECOND // 4
"""How often the gate is asked what happened."""
GIVEN_UP_NS = 10 * SECOND
"""An order that the gate does not know so long after it was decided cannot leave any more: the gate allows nothing that
was decided more than 2 s ago."""
NOT_SENT, UNANSWERED = "not_sent", "unanswered"
"""Why an intent came to nothing that the gate never denied: it did not get there."""


class Disagreed(RuntimeError):
    """The log and the gate say different things: nobody trades on that before a person has looked."""


class Gate(Protocol):
    """What the loop asks of a gate; each call may raise `Unanswered`."""

    def order(self, order: dict[str, Any]) -> dict[str, Any]: ...
    def cancel(self, client_id: str) -> dict[str, Any]: ...
    def mine(self, after: int = 0) -> Mine: ...
    def asked(self, client_id: str) -> Mine: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose loop it is: the strategy as the desk calls it, the run's name for it, the money that the run assumes."""

    strategy: str
    name: str
    cash: int
    adopts: bool = False
    """Whether a new run takes over what the strategy holds already."""


class Dealings:
    """Keeps a course and the gate of one mind."""

    def __init__(self, course: Course, seat: Seat, gate: Gate, clock: Clock, tell: Callable[[str], object]) -> None:
        self._course = course
        self._seat = seat
        self._gate = gate
        self._clock = clock
        self._tell = tell
        self._look_due = 0
        self.is_away = False
        """Whether the gate did not answer when it was asked last."""
        self.cancelling: set[str] = set()
        """Orders that the gate was told to take back."""

    def look(self, *, now: bool = False) -> bool:
        """Ask what happened, if it is time to, and take it into the log; return whether the gate is there."""
        elapsed = self._clock.elapsed()
        if not now and elapsed < self._look_due:
            return not self.is_away
        self._look_due = elapsed + LOOK_NS
        try:
            self._resolve()
            mine = self._gate.mine(self._course.fills)
            if mine.strategy != self._seat.strategy:
                raise Disagreed(f"the gate takes us for {mine.strategy}, not {self._seat.strategy}; run as its uid")
            if self._course.joined is None:
                self._join(mine)
            self._take(mine)
        except Refused as error:
            raise Disagreed(f"the gate will not tell us of {self._seat.strategy}: {error}; run as its uid") from error
        except Unanswered as error:
            if not self.is_away:
                self.is_away = True
                self._tell(f"the gate does not answer: {error}; nothing is sent until it does")
            return False
        if self.is_away:
            self.is_away = False
            self._tell("the gate answers again, and its books are those of the log")
        return True

    def _join(self, mine: Mine) -> None:
        """Begin the run: at what the strategy holds, which is nothing unless it was told to take that over."""
        course, now = self._course, self._clock.now()
        if mine.budget < self._seat.cash:
            raise Disagreed(
                f"the run assumes {decimal(self._seat.cash)} and the desk gives {self._seat.strategy} "
                f'{decimal(mine.budget)}; write cash = "{decimal(mine.budget)}" in the run file'
            )
        if mine.positions and not self._seat.adopts:
            raise Disagreed(
                f"{self._seat.strategy} holds {_words(mine.positions)} at the gate, and the log of this run is empty: "
                "go on with the run that bought it, take it over (--adopt), or have it sold"
            )
        if mine.orders:
            names = ", ".join(order.client_id for order in mine.orders)[:200]
            raise Disagreed(
                f"{self._seat.strategy} has orders open that are not this run's: {names}; cancel them first"
            )
        taken = []
        for name, shares in mine.positions.items():
            symbol = Symbol.parse(name)
            if not course.knows(symbol) or shares % course.lot(symbol):
                raise Disagreed(f"{shares} of {name} cannot be taken over: not in the run, or no whole lots")
            cost = Money(-shares * course.view.prices[symbol])
            taken.append(Adjusted(Nanos(now), self._seat.name, symbol, Lots(shares // course.lot(symbol)), cost))
        course.apply(Joined(Nanos(now), self._seat.strategy, mine.fills_count))
        for adjusted in taken:
            course.apply(adjusted)

    def _take(self, mine: Mine) -> None:
        """Take into the log what the gate says of us, and stop where it does not follow."""
        course = self._course
        if (mine.state, mine.epoch) != (course.state, course.epoch):
            course.apply(StateChanged(Nanos(mine.at), mine.state, mine.epoch, "gate", ""))
            self._tell(f"the desk is {mine.state}, epoch {mine.epoch}")
        for fill in mine.fills:
            if fill.serial > course.fills:
                self._fill(fill)
        if course.shares() != mine.positions:
            raise Disagreed(
                f"the log says {_words(course.shares())}, the gate {_words(mine.positions)}: look at both "
                f"(trading replay, trading reconcile) before anything is sent"
            )
        self._settle({order.client_id: order for order in mine.orders})

    def _fill(self, fill: MyFill) -> None:
        course, symbol = self._course, Symbol.parse(fill.symbol)
        if fill.serial != course.fills + 1:
            raise Disagreed(f"the gate tells fill {fill.serial} where {course.fills + 1} comes next; ask an operator")
        if not course.knows(symbol) or fill.quantity % course.lot(symbol):
            raise Disagreed(f"fill {fill.serial}: {fill.quantity} of {symbol} is nothing that this run can hold")
        if not (fill.client_id.startswith("/") or course.is_ours(fill.client_id)):
            raise Disagreed(
                f"fill {fill.serial} is of {fill.client_id}, which this run never sent: something else trades as "
                f"{self._seat.strategy}; stop that, then begin a new run (another --runs) with --adopt"
            )
        if fill.client_id in course.venue.unanswered():
            self._resolve_one(fill.client_id)
        if self.open().get(fill.client_id, (None, True))[1] is False:
            course.apply(Accepted(Nanos(self._clock.now()), fill.client_id))
        course.apply(
            Fill(
                Nanos(fill.at), f"{self._seat.strategy}-{fill.serial}", fill.client_id, self._seat.name, symbol,
                Side(fill.side), Lots(fill.quantity // course.lot(symbol)), course.ticks(symbol, fill.price),
                Money(fill.quantity * fill.price), Money(fill.fee or 0),
            )
        )  # fmt: skip
        self._tell(f"{fill.side} {fill.quantity} {symbol} at {decimal(fill.price)} ({fill.client_id})")

    def _settle(self, working: dict[str, MyOrder]) -> None:
        """End the orders that are over. Their fills are in the log before that."""
        course = self._course
        for client_id, (intent, is_accepted) in self.open().items():
            order = working.get(client_id)
            if order is None:
                asked = self._gate.asked(client_id).asked
                if asked is None or asked.order is None:
                    raise Disagreed(f"the gate allowed {client_id} and knows nothing of it any more; ask an operator")
                order = asked.order
            now = self._clock.now()
            if not is_accepted and order.phase in ("working", "filled", "cancelled", "expired"):
                course.apply(Accepted(Nanos(now), client_id))
            traded = self._traded(client_id, intent)
            if order.phase in ("allowed", "unknown", "working", "filled") or order.filled > traded:
                # Still open; or over, with fills that are told next.
                continue
            if order.phase == "rejected":
                course.apply(Rejected(Nanos(now), client_id, "the broker refused it, or never had it"))
            else:
                over = Expired if self.is_over(intent, now) else Cancelled
                course.apply(over(Nanos(now), client_id))
            self.cancelling.discard(client_id)

    def _traded(self, client_id: str, intent: Intent) -> int:
        """Return how many shares of an order the log says have traded."""
        return self._course.venue.orders[intent.symbol][client_id].filled_shares

    def open(self) -> dict[str, tuple[Intent, bool]]:
        orders = self._course.venue.orders.values()
        return {name: (order.intent, order.is_accepted) for each in orders for name, order in each.items()}

    def _resolve(self) -> None:
        for client_id in self._course.venue.unanswered():
            self._resolve_one(client_id)

    def _resolve_one(self, client_id: str) -> None:
        """Find out what became of an intent whose answer did not come: by its id."""
        course, now = self._course, Nanos(self._clock.now())
        intent = course.venue.asked(client_id).intent
        asked = self._gate.asked(client_id).asked
        if asked is None:
            if now - intent.at > GIVEN_UP_NS:
                course.apply(Denied(now, client_id, (UNANSWERED,), ""))
                self._tell(f"{client_id} never got to the gate; it is given up")
        elif asked.verdict == "allow" and asked.price is not None:
            course.apply(Allowed(now, client_id, course.ticks(intent.symbol, asked.price), asked.limits_digest))
        else:
            course.apply(Denied(now, client_id, asked.reasons, asked.limits_digest))

    def ask(self, intent: Intent) -> None:
        course, client_id = self._course, intent.client_id
        try:
            answer = self._gate.order(self._document(intent))
        except NotSent as error:
            course.apply(Denied(Nanos(self._clock.now()), client_id, (NOT_SENT,), ""))
            self._tell(f"{client_id} did not get to the gate: {error}")
            return
        except Unanswered as error:
            self._tell(f"{client_id} was not answered: {error}; it is asked for by its id and not sent again")
            return
        if "error" in answer or "verdict" not in answer:
            self._tell(f"{client_id} was not answered: {answer.get('error')}; it is asked for by its id")
            return
        if answer.get("again"):
            raise Disagreed(f"the gate was asked about {client_id} before, and not by this run; take another folder")
        now, digest = Nanos(self._clock.now()), str(answer["limitsDigest"])
        if answer["verdict"] == "allow":
            course.apply(Allowed(now, client_id, course.ticks(intent.symbol, int(answer["price"])), digest))
        else:
            codes = tuple(str(reason["code"]) for reason in answer["reasons"])
            course.apply(Denied(now, client_id, codes, digest))
            self._tell(f"{client_id} is denied: {', '.join(codes)}")

    def _document(self, intent: Intent) -> dict[str, Any]:
        """Return an order as the gate reads it."""
        tick = self._course.tick(intent.symbol)
        limit = {} if intent.limit is None else {"limit_price": decimal(intent.limit * tick)}
        return limit | {
            "client_id": intent.client_id,
            "strategy": self._seat.strategy,
            "symbol": str(intent.symbol),
            "side": intent.side.value,
            "type": intent.type.value,
            "tif": intent.tif.value,
            "quantity": intent.quantity * self._course.lot(intent.symbol),
            "reduce_only": intent.reduce_only,
            "decided_at": intent.at,
            "decision_price": decimal(intent.decision_price),
            "epoch": intent.epoch,
        }

    def cancel(self, client_id: str) -> None:
        """Have an order taken back; what came of it is told with everything else."""
        try:
            answer = self._gate.cancel(client_id)
        except Unanswered as error:
            self._tell(f"{client_id} was not taken back: {error}")
            return
        if "error" in answer:
            self._tell(f"{client_id} was not taken back: {answer['error']}")
        else:
            self.cancelling.add(client_id)

    def is_over(self, intent: Intent, now: int) -> bool:
        session = calendar.session_at(intent.at)
        return session is None or now >= session.closes


def _words(positions: dict[str, int]) -> str:
    return ", ".join(f"{quantity} {symbol}" for symbol, quantity in sorted(positions.items())) or "nothing"
