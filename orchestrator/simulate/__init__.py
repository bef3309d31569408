"""What would happen: the real train, decided by the real `decide`, in a made-up world without agents, git or gates.

The walk: `file` says what a simulation document may hold and `check` what its schema cannot; `world` is the made-up
repository (`tree`), store (`store`) and runners (`runners`); `play` moves the clock from event to event and carries out
(`act`) what `decide` returns; `result` says what came of it, `rules` whether a rule of DESIGN §6 was broken, `expected`
whether it is what the file expects. `capacity` makes up whole days of work and compares policies.

Nothing here reads files or prints: `cli.simulate` does. It never touches a store, a repository or a process.
"""
