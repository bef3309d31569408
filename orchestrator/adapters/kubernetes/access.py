"""What somebody can do in a cluster, asked of the server itself: where it is, what it serves, what it lets them do.

For `doctor`: every question is put once and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.adapters.kubernetes.connection import Connection, Json, Unanswered, trouble
from orchestrator.adapters.kubernetes.identity import whoami
from orchestrator.adapters.kubernetes.lease import GROUP, NAME, Holder, holder
from orchestrator.core.crds import definitions
from orchestrator.errors import Transient
from orchestrator.model.base import API_VERSION

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_READ = frozenset({"get", "list", "watch"})
_OURS, _, _VERSION = API_VERSION.partition("/")


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """What may be done to what: a resource of an API group, of one name where that matters."""

    group: str
    resource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'/{self.name}' if self.name else ''}"


def leaders_rights() -> frozenset[Right]:
    """Return what a leader needs: what manifests/rbac/leader.yaml gives, which a test holds to this."""
    kinds = [str(each["spec"]["names"]["plural"]) for each in definitions()]
    ours: Mapping[str, frozenset[str]] = {
        **dict.fromkeys(kinds, _READ),
        **{kind: _READ | {"create"} for kind in ("agentruns", "implementationspecs", "validations")},
        **{
            f"{kind}/status": frozenset({"patch"})
            for kind in ("agentruns", "decisions", "implementationspecs", "mergetrains", "validations")
        },
        "trailpages": frozenset({"create", "get", "list", "patch", "delete"}),
    }
    lease, events = "coordination.k8s.io", ("create", "list", "patch")
    return frozenset(
        {
            *(Right(_OURS, resource, verb) for resource, verbs in ours.items() for verb in verbs),
            Right(lease, "leases", "create"),
            Right(lease, "leases", "get", NAME),
            Right(lease, "leases", "update", NAME),
            *(Right("", "events", verb) for verb in events),
        }
    )


class Access:
    """One cluster and one namespace, as one user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def host(self) -> str:
        """Return where the server is."""
        return self._connection.host

    @property
    def namespace(self) -> str:
        """Return the namespace that is meant."""
        return self._connection.namespace

    def version(self) -> str:
        """Return what the server runs. Raises what it means where it does not say so."""
        answer = self._connection.request("GET", "/version")
        if not answer.is_good:
            raise trouble(answer, f"ask {self.host} for its version")
        return str(answer.json().get("gitVersion", "of no version"))

    def user(self) -> str:
        """Return the name the server knows this user by."""
        return whoami(self._connection)

    def holder(self) -> Holder | None:
        """Return who leads in the namespace."""
        return holder(self._connection)

    def has_namespace(self) -> bool:
        """Return whether something could be put there. Nothing is: the server only says what would come of it."""
        document: Json = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}}
        path = f"/{GROUP}/namespaces/{self.namespace}/leases"
        answer = self._connection.request("POST", path, query={"dryRun": "All"}, body=document)
        return answer.status != 404

    def lacking(self) -> list[Right]:
        """Return what a leader needs and this user may not do."""
        return [right for right in sorted(leaders_rights()) if not self._may(right)]

    def unknown_fields(self) -> list[str]:
        """Return the kinds the cluster does not know, and the fields of others it does not: what is newer here."""
        answer = self._connection.read(f"/openapi/v3/apis/{API_VERSION}")
        if answer.status == 404:
            schemas: Json = {}
        elif not answer.is_good:
            raise trouble(answer, "read the cluster's definitions")
        else:
            schemas = (answer.json().get("components") or {}).get("schemas") or {}
        served = {str(name).rpartition(".")[2]: schema for name, schema in schemas.items()}
        found = []
        for each in definitions():
            kind = str(each["spec"]["names"]["kind"])
            there = served.get(kind)
            if there is None:
                found.append(kind)
                continue
            known = set(_paths(there))
            ours = _paths(each["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
            found += [f"{kind}{path}" for path in ours if path not in known]
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _may(self, right: Right) -> bool:
        resource, _, part = right.resource.partition("/")
        asked = {
            "group": right.group,
            "resource": resource,
            "subresource": part,
            "verb": right.verb,
            "name": right.name,
            "namespace": self.namespace,
        }
        body: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        try:
            answer = self._connection.request("POST", _REVIEWS, body=body)
        except Unanswered as lost:
            raise Transient(str(lost)) from lost
        if not answer.is_good:
            raise trouble(answer, "ask the cluster what this user may do")
        return bool((answer.json().get("status") or {}).get("allowed"))


def _paths(schema: Json, place: str = "") -> Iterator[str]:
    """Yield every field of spec and status, written as a path."""
    for name, each in (schema.get("properties") or {}).items():
        if not place and name not in ("spec", "status"):
            continue
        yield f"{place}.{name}"
        yield from _paths(each, f"{place}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from _paths(schema[inner], f"{place}[]")
