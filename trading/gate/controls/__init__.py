"""The controls, a module a group of TRADING's table: each proves what it can and denies the rest with a code.

A group's `prove(case)` returns how many of its `CHECKS` passed. An order leaves only if nothing was denied *and* every
check of every group was proved, so a check that is skipped by mistake denies. Groups do not know each other: what
several need is worked out once, in `Case`.
"""
