"""The deterministic core: events in one total order, an append-only log of them, and the state that follows from it.

`queue` says what comes next, `log` keeps what happened, `replay` makes the state of it, byte for byte the same on any
machine. `backtest` plays bars through a strategy's stages, the gate and a simulated venue; `runner` makes a run of its
file and leaves its folder; `lookahead` finds out whether a strategy knows too much.
"""
