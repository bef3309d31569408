"""A strategy with a uid of its own tries to get past the gate, in earnest. None of it moves the broker."""

from __future__ import annotations

import pytest

from tests.trading.attacks import Attacks
from tests.trading.desk_world import desk


def test_no_attack_of_a_strategy_sends_an_order_or_reaches_the_gate() -> None:
    with desk(separate=True) as world:
        client = world.client()
        world.arm(client)
        # The control: the same uid, by the gate, gets its order through, and one that is denied it does not.
        allowed, denied = world.by_strategy(world.order("alpha-1"), world.order("alpha-2", quantity=60))
        assert (allowed.get("phase"), denied["reason"]) == ("filled", "notional")
        (others,) = world.by_strategy(world.order("beta-1", strategy="beta", quantity=9), strategy="beta")
        assert others.get("phase") == "filled"
        before = world.broker()
        assert [execution.client_id for execution in before.executions] == ["alpha/alpha-1", "beta/beta-1"]

        achieved = world.attack()

        names = [name for name in vars(Attacks) if not name.startswith("_")]
        assert achieved == dict.fromkeys(names, ""), (world.folder / "attack.log").read_text()
        assert world.broker() == before
        status = client.ask("status")
        assert (status["state"], status["isolation"]) == ("ARMED", "separate users")
        assert world.processes["gate"].poll() is None


@pytest.mark.slow
def test_one_user_for_everything_is_said_to_be_no_isolation() -> None:
    with desk() as world:
        assert world.client().ask("status")["isolation"] == "same user"
