"""Who somebody is to the server: the name a word is signed with."""

from __future__ import annotations

from orchestrator.adapters.kubernetes.connection import Connection, Unanswered, trouble
from orchestrator.errors import Transient

_PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def whoami(connection: Connection) -> str:
    """Return the name the server authenticates this connection as. Everybody who is authenticated may ask."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = connection.request("POST", _PATH, body=asked)
    except Unanswered as lost:
        # Nothing is stored by the question, so it may be put again.
        raise Transient(str(lost)) from lost
    if not answer.is_good:
        raise trouble(answer, "ask the cluster who this is")
    return str(answer.json()["status"]["userInfo"]["username"])
