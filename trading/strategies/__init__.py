"""Strategies: each module makes one of a name and its parameters, out of the stages and the model and nothing else.

A module has `Parameters`, a closed set of values with bounds, and `make(name, parameters)`. It cannot reach the gate,
the engine or the machine; import contracts and a test over the syntax see to that, the gate's process to the rest.
"""
