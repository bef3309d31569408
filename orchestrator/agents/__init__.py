"""How to run an agent: one program family per module, each a thin layer over the runner protocol."""
