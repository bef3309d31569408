"""Scenario tables of the merge train, one file per rule: `interlock simulate tests/train/*.yaml` plays them all.

Each is a simulation (CONTRACT §4) with one sentence for a name. What it expects was worked out from DESIGN §6 and the
contract, not from what the program printed.
"""
