"""The five stages between the market and an order: Universe, Alpha, Portfolio construction, Risk, Execution.

Each is a start state and a pure function from (state, what happened, what is known) to (state, what follows). The
engine keeps the states, a stage keeps nothing. Risk can only make less of what the others want. A strategy is a choice
of five.
"""
