"""What `interlock doctor --kube` asks a cluster before anybody leads there: each answer with its remedy.

In the order in which one depends on the other: where the first cannot be asked, the others are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import wiring
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kubernetes.access import Access
from orchestrator.cli.check import Check, State, split
from orchestrator.core.suggest import listed
from orchestrator.errors import InterlockError
from orchestrator.settings import Settings

SHOWN_MAX = 5
REACH = "see that it runs and that this is the one you mean (kubectl cluster-info); name another with --context"
INSTALL = "interlock crds | kubectl apply --server-side -f -"


def checks(settings: Settings) -> Iterator[Check]:
    """Yield what is so of the cluster, its definitions, the namespace, this user's rights and who leads."""
    name = "cluster"
    try:
        access = wiring.open_access(settings)
        try:
            for name, check in (
                ("cluster", _cluster),
                ("definitions", _definitions),
                ("namespace", _namespace),
                ("rights", _rights),
                ("leader", _leader),
            ):
                found = check(access)
                yield found
                if found.state is State.FAIL and name == "namespace":
                    return
        finally:
            access.close()
    except InterlockError as error:
        wrong, remedy = split(str(error))
        yield Check(name, State.FAIL, wrong, remedy or REACH)


def _cluster(access: Access) -> Check:
    return Check("cluster", State.OK, f"{access.host} runs {access.version()}; you are {access.user()}")


def _definitions(access: Access) -> Check:
    unknown = access.unknown_fields()
    if not unknown:
        return Check("definitions", State.OK, "the cluster knows every kind and field of this version")
    more = f" and {len(unknown) - SHOWN_MAX} more" if len(unknown) > SHOWN_MAX else ""
    said = f"the cluster does not know {listed(unknown[:SHOWN_MAX], 'and')}{more}: its definitions are missing or older"
    return Check("definitions", State.FAIL, said, f"install those of this version: {INSTALL}")


def _namespace(access: Access) -> Check:
    if access.has_namespace():
        return Check("namespace", State.OK, access.namespace)
    remedy = f"make it: kubectl create namespace {access.namespace}; or name another one with --namespace"
    return Check("namespace", State.FAIL, f"there is no namespace {access.namespace}", remedy)


def _rights(access: Access) -> Check:
    lacking = [str(right) for right in access.lacking()]
    if not lacking:
        return Check("rights", State.OK, f"you may do what a leader does in {access.namespace}")
    more = f" and {len(lacking) - SHOWN_MAX} more" if len(lacking) > SHOWN_MAX else ""
    said = f"a leader in {access.namespace} has to, and you may not: {', '.join(lacking[:SHOWN_MAX])}{more}"
    remedy = "lead as the account interlock-leader, whose role is manifests/rbac/leader.yaml (docs/cluster.md)"
    return Check("rights", State.FAIL, said, remedy)


def _leader(access: Access) -> Check:
    held = access.holder()
    if held is None or not held.is_fresh(SystemClock().now()):
        return Check("leader", State.OK, "nobody leads now")
    remedy = "another leader waits for its end; stop that one to take its place at once"
    return Check("leader", State.WARN, f"{held.identity} leads, in term {held.term}", remedy)
