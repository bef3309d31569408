"""The nouns: frozen values, one kind per file. They are the one source for files, store, command line and CRDs.

`base` holds what every kind shares; `condition` the contract of conditions and reasons; `lane`, `spec`, `run`,
`provider`, `train`, `decision`, `roadmap` and `validation` the kinds; `facts` what the world looks like from outside
the store; `snapshot` everything one tick decides on; `action` what a tick decides. Nothing here acts or computes
policy.
"""
