"""The roadmap people start from: strict form, explaining itself in comments."""


def template() -> str:
    """Return a roadmap in strict form that plans cleanly where its two lanes exist."""
    return _TEMPLATE


_TEMPLATE = """\
# Roadmap

<!--
One heading per item: a name (lowercase letters, digits and `-`), a colon, and a
title in one line, which becomes the pull request's title. Names stay: branch,
pull request and history are found by them.

Below the heading comes a list of fields, below the list free text: the agent's
prompt. `interlock plan roadmap.md` says what is wrong, what is missing, and
which items run together. A comment like this one is read by people only.
-->

## order-firewall: Order firewall and kill switch contract

- Objective: Every order passes one gate that can only deny.
- Lane: trading
  <!-- the lane whose files it writes; `Lanes: a, c` for work across several -->
- Paths: `trading/firewall/**`, `tests/firewall/**`
  <!-- globs it may write, from the repository's root; they lie inside its lane -->
- Out of scope:
  - No live trading path
- Acceptance:
  - An order without a fresh quote is denied
  - A missing limit denies; nothing missing ever allows
- Validation:
  - unit: `pytest -q tests/firewall`
  <!-- commands that prove this item, besides the gates of the train; a name in front is optional -->
- Tier: safety
  <!-- safety | validity | execution | strategy: earlier tiers land first; default execution -->

Write the gate as one pure function from an order and a snapshot to a verdict.
Start from the denials; there is no other way in.

## replay-harness: Replay a recorded day through the gate

- Objective: A recorded day gives the same verdicts every time.
- Lane: research
- Paths:
  - `research/replay/**`
- Acceptance:
  - Two replays of one day are equal byte for byte
- Validation: `pytest -q research/replay`
- Needs: order-firewall
  <!-- items that land before this one starts -->
- Tier: validity
- Priority: 5
  <!-- higher lands first inside a tier; default 0. Also possible: Agent, Roadmap, Train -->

Read the recording line by line; a day does not fit into memory.
"""
