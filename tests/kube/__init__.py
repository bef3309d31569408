"""What a real Kubernetes control plane says: definitions, manifests, kubectl, and the leader that runs against it.

`assets` finds or builds the programs, `keeper` is the process they are children of, `plane` starts and breaks them,
`conftest` hands one to a test. Nothing here imitates an API server.
"""
