"""Processes on this machine: one contained tree per job, and the agents and gates that run in such trees.

The walk: `host` starts a `keeper` per job and only ever looks and asks, never waits. The keeper is the reaper of its
tree (process 1 of a PID namespace, or a child subreaper): it pumps the output through `pump`, holds the wall clock,
ends the tree through `tree`, and writes down how it ended. `containment` finds out what this machine can do.
`runtime` runs agents and `gates` runs gates on top of `host`; `untrusted` reads what they leave behind.

The modules `keeper`, `pump` and `tree` start with every job: they import nothing that costs time (a test holds them
to it), and so must this file and the packages around it.
"""
