"""What an order is called on the desk and at the broker: by its strategy and by the id that the strategy gave it.

A strategy's ids are its own. Two strategies may use the same one, and none can use up another's, learn what was
answered to it, or cancel it: the strategy in a name is the one that the kernel says is speaking. A strategy's name
begins with a letter and an id holds no `/`, so every name comes from one strategy and one id.
"""

from __future__ import annotations


def full(strategy: str, client_id: str) -> str:
    """Return the name of a strategy's order."""
    return f"{strategy}/{client_id}"


def split(name: str) -> tuple[str, str]:
    """Return strategy and id of a name; the strategy is empty where it names none."""
    strategy, _, client_id = name.rpartition("/")
    return strategy, client_id


def closing(killed_at: int, strategy: str, symbol: str) -> str:
    """Return the name of the one order by which a kill closes a position. No strategy's order is called so."""
    return f"/close-{killed_at}/{strategy}/{symbol}"
