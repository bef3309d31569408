"""A paper-only trading laboratory behind an order firewall.

The walk: data → stages → intent → gate → (paper) broker → fills → log. Values are in `model`, `events` and `clock`;
`gate` decides about orders and is the only way to a broker; `engine` puts events in order and replays them; `cli` is
what a person types. Nothing here imports the orchestrator that lands its changes, nothing here can reach a live venue.
"""
