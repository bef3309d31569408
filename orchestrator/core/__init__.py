"""The verbs, pure: everything needed is passed in, `now` and `rng` included, and the answer is a value."""
