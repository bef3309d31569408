"""The order firewall: what decides whether an order may leave, and the process that makes sure none leaves undecided.

The walk of a question: `documents` or the server's book → `Snapshot` → `firewall.check` → nine groups of controls in
`controls/` → `Verdict`. Pure up to here. Around it: `store` keeps every decision before anything is sent, `state` and
`killswitch` say what may leave at all, `server` is the process strategies talk to, `egress` the one door to a broker.
Standard library and msgspec only; strategy code is never loaded here.
"""
