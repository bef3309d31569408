"""A seeded world with state behind the ports: the real leader, everything around it made up, every fault on purpose.

The walk: `scenario` makes lanes, specs, agents' scripts and a fault profile from a seed; `repository`, `forge`,
`machine` and `fakes` stand for git, the forge, agents and gates; `world` holds them together with the true time and a
log of what really happened; `faults` wraps every port the leader gets; `people` are the persons and strangers;
`invariants` are the sentences that must hold after every effect; `runner` plays one seed; `sabotages` break the leader
on purpose.

`python -m tests.sim --seed N --trace` plays one seed again.
"""
