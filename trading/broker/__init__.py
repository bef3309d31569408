"""Brokers that hold no real money. The simulator is one process of its own, so that what it knows outlives the gate."""
