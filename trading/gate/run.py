"""Runs the gate of a desk: open while its store can be read, shut while it cannot, and back again by itself."""

from __future__ import annotations

from collections.abc import Callable

from trading.clock import Clock
from trading.gate.books import kept_account
from trading.gate.egress import Broker
from trading.gate.server import GateServer
from trading.gate.settings import Desk, Places
from trading.gate.shut import ShutGate
from trading.gate.store import Store, StoreBroken


def run(
    desk: Desk,
    places: Places,
    broker: Broker,
    clock: Clock,
    key: bytes,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda how: None,
) -> None:
    """Serve until told to stop; `tell` hears each time what answers from now on. Raises `Busy` where another serves.

    A store that breaks while the gate runs halts it; the gate that is started next finds out what can be read.
    """
    while not is_stopped():
        try:
            server = GateServer(desk, places, broker, clock, key)
        except StoreBroken as error:
            shut = ShutGate(desk, places, broker, clock, str(error))
            tell("gate, shut: its store cannot be read")
            shut.serve(is_stopped, lambda: can_be_read(places))
            shut.close()
        else:
            tell("gate")
            server.serve(is_stopped)
            server.close()


def can_be_read(places: Places) -> bool:
    """Return whether a gate could open its store."""
    try:
        store = Store(places.store, places.mark)
        kept_account(store)
        store.close()
    except StoreBroken:
        return False
    return True
