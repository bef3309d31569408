"""A paper-only trading laboratory behind an order firewall.

The walk: data → stages → intent → gate → (paper) broker → fills → log. Values are in `model`, `events` and `clock`;
`stages` are what strategies are made of, `gate` decides about orders and is the only way to a broker, `costs` says what
they cost, `engine` plays runs and replays them, `research` keeps what was tried, `cli` is what a person types. Nothing
here imports the orchestrator that lands its changes, nothing here can reach a live venue.
"""
