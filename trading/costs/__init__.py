"""What trading costs: what is expected before an order is sent, and what it turned out to be.

`fees` and `profile` are versioned data beside the code, `impact` holds the published models, `estimate` puts them
together for one order, `tca` takes apart what was paid. Nothing here decides anything.
"""
