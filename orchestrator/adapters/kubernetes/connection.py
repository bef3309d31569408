"""Requests to one API server, and what it means when they fail.

The client library finds the credentials and pools the connections; its typed calls are not used: they drop the answer
of an apply that creates, refuse half of the watch parameters, and parse every object twice. A request is made once.
`read` repeats one that may be repeated; for a write whose answer was lost the caller looks what became of it.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import tenacity
import urllib3
from kubernetes import client

from orchestrator.adapters.kubernetes.source import Source
from orchestrator.errors import InterlockError, Invalid, Refused, Transient, Unusable

log = logging.getLogger("interlock.kubernetes")

Json = dict[str, Any]
"""A document as the server spells it; only this package sees any."""

REQUEST_S = 15.0
"""How long one answer may take. The server itself gives up on most after 60 s."""
CONNECT_S = 5.0
READ_FOR_S = 12.0
"""How long a read is repeated."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_AGAIN = frozenset({429, 500, 502, 503, 504})

Counted = Callable[[str, str, int], None]
"""Told of every answer: method, resource, status; 0 where none came."""


class Unanswered(Transient):
    """No answer came. `is_sent`: the server may have carried it out all the same."""

    def __init__(self, message: str, *, is_sent: bool) -> None:
        super().__init__(message)
        self.is_sent = is_sent


class Untrusted(Unanswered):
    """Whoever answered is not the server these credentials are for: nothing was said to them."""


class NoNamespace(Unusable):
    """The namespace is not there (any more): there is nothing to work on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes
    retry_after_s: float | None = None
    was_served: bool = False
    """Whether this connection was served the same resource before."""

    @property
    def is_good(self) -> bool:
        """Return whether it did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Json:
        """Return the document in it; an empty one where there is none."""
        try:
            found = decoded(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def why(self) -> str:
        """Return the server's own words."""
        said = self.json().get("message") or self.body[:300].decode(errors="replace").strip()
        return f"{said} (HTTP {self.status})" if said else f"HTTP {self.status}"


class Connection:
    """One API server, as one user, in one namespace. May be used by many threads."""

    def __init__(self, source: Source, counted: Counted = lambda method, resource, status: None) -> None:
        self._source = source
        self._counted = counted
        self._lock = threading.Lock()
        self._served: set[str] = set()
        self.namespace = source.chosen_namespace()
        self._api = source.api()

    @property
    def host(self) -> str:
        """Return where the server is."""
        return str(self._api.configuration.host)

    def close(self) -> None:
        """Let go of the connections."""
        self._api.rest_client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content: str = JSON,
        accept: str = JSON,
        timeout_s: float = REQUEST_S,
    ) -> Answer:
        """Make one request and return the answer, whatever it is. Raises Unanswered where none came.

        Where the server does not accept these credentials (any more), or its certificate is none of this authority's,
        they are read anew and the request is made once more: it was not carried out.
        """
        timeout = urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s)
        text = None if body is None else msgspec.json.encode(body)
        resource = _resource(path)
        for is_last in (False, True):
            api = self._api
            try:
                with self._open(api, method, path, query, text, content, accept, timeout) as response:
                    try:
                        # Read to its end: only then the connection can be used again.
                        said = response.read()
                    except (urllib3.exceptions.HTTPError, OSError) as error:
                        self._counted(method, resource, 0)
                        raise Unanswered(_unanswered(method, path, error), is_sent=True) from error
                    answer = self._answered(Answer(response.status, said, _retry_after(response)), resource)
            except Untrusted:
                if is_last:
                    raise
            else:
                self._counted(method, resource, answer.status)
                if answer.status != 401 or is_last:
                    return answer
            self._renew(api)
        raise AssertionError("the loop returns")

    def _answered(self, answer: Answer, resource: str) -> Answer:
        """Return the answer, with what this connection knows of the resource."""
        if answer.is_good:
            self._served.add(resource)
        return replace(answer, was_served=True) if resource in self._served else answer

    @contextmanager
    def stream(
        self, path: str, query: Mapping[str, str], *, silence_s: float, accept: str = JSON
    ) -> Iterator[tuple[int, urllib3.BaseHTTPResponse]]:
        """Yield status and body of an answer that goes on, to be read line by line; it may be silent for so long."""
        timeout = urllib3.Timeout(connect=CONNECT_S, read=silence_s)
        api, resource = self._api, _resource(path)
        try:
            with self._open(api, "GET", path, query, None, JSON, accept, timeout) as response:
                self._counted("WATCH", resource, response.status)
                if response.status == 401:
                    self._renew(api)
                elif response.status == 200:
                    self._served.add(resource)
                yield response.status, response
        except Untrusted:
            self._renew(api)
            raise

    def refusal(self, answer: Answer, path: str) -> Answer:
        """Return an answer that was streamed and is no stream, with what is known of its resource."""
        return self._answered(answer, _resource(path))

    @contextmanager
    def _open(
        self,
        api: client.ApiClient,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        content: str,
        accept: str,
        timeout: urllib3.Timeout,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        configuration = api.configuration
        headers = {"Accept": accept, "User-Agent": "interlock"}
        token = configuration.get_api_key_with_prefix("BearerToken")
        if token:
            headers["authorization"] = token
        if body is not None:
            headers["Content-Type"] = content
        url = f"{configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            response = api.rest_client.pool_manager.request(
                method, url, body=body, headers=headers, timeout=timeout, preload_content=False, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._counted(method, _resource(path), 0)
            failure = Untrusted if _is_untrusted(error) else Unanswered
            raise failure(_unanswered(method, path, error), is_sent=not _never_sent(error)) from error
        try:
            yield response
        finally:
            # Read to its end it is in the pool again already; otherwise there is more to come that nobody wants.
            response.close()

    def _renew(self, refused: client.ApiClient) -> None:
        """Read the credentials anew, unless another thread did already."""
        with self._lock:
            if self._api is refused:
                self._api = self._source.api()

    def read(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        for_s: float = READ_FOR_S,
        may_be_absent: bool = True,
    ) -> Answer:
        """Return the answer to a GET, asked again while the server is at fault. Raises what the failure means.

        A 404 is an answer; with `may_be_absent` false it is one only after a while: a server that has just started
        does not know its custom resources for a moment.
        """

        def is_over(answer: Answer) -> bool:
            return answer.status not in _AGAIN and (may_be_absent or answer.status != 404)

        def once() -> Answer:
            return self.request("GET", path, query=query, accept=accept)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_come) | tenacity.retry_if_result(lambda answer: not is_over(answer)),
            wait=_wait,
            stop=tenacity.stop_after_delay(for_s),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: Answer = retrying(once)
        if answer.status in _AGAIN:
            raise trouble(answer, f"read {path}")
        return answer


def _may_come(error: BaseException) -> bool:
    """Return whether an answer may come if the question is put again in a moment."""
    return isinstance(error, Unanswered) and not isinstance(error, Untrusted)


def _wait(state: tenacity.RetryCallState) -> float:
    """Return how long to wait before the next try: as the server asks, else longer each time, never in step."""
    outcome = state.outcome
    if outcome is not None and not outcome.failed:
        asked = outcome.result().retry_after_s
        if asked is not None:
            return min(5.0, float(asked))
    return float(tenacity.wait_random_exponential(multiplier=0.1, max=2.0)(state))


def trouble(answer: Answer, doing: str) -> InterlockError:
    """Return what a refusal means for whoever asked: what to change, whom to ask, when to come again."""
    why = answer.why()
    said = answer.json()
    if answer.status == 401:
        return Unusable(f"{doing}: the cluster does not accept these credentials: {why}; log in anew, or look at them")
    if _is_namespace_gone(said):
        return NoNamespace(f"{doing}: {why}; make the namespace, or name another one with --namespace")
    if "field not declared in schema" in why:
        return Unusable(
            f"{doing}: the cluster's definitions are older than this version: {why}; install those of this one: "
            "interlock crds | kubectl apply --server-side -f -"
        )
    if answer.status == 403:
        return Refused(f"{doing}: not allowed: {why}; ask for the role that docs/cluster.md names")
    if answer.status == 404 and answer.was_served:
        return Transient(f"{doing}: the cluster knew this kind before and does not know it now: {why}")
    if answer.status == 404:
        return Unusable(
            f"{doing}: the cluster does not know this kind: {why}; install the definitions: "
            "interlock crds | kubectl apply --server-side -f -"
        )
    if answer.status in (400, 413, 422):
        return Invalid(f"{doing}: the cluster refuses it: {why}")
    return Transient(f"{doing}: {why}", answer.retry_after_s or 1.0)


def _is_namespace_gone(said: Json) -> bool:
    details = said.get("details") or {}
    causes = {cause.get("reason") for cause in details.get("causes") or ()}
    is_missing = said.get("reason") == "NotFound" and details.get("kind") == "namespaces"
    return is_missing or "NamespaceTerminating" in causes


def path_of(plural: str, namespace: str, name: str = "", *, group: str = "apis/interlock.dev/v1alpha1") -> str:
    """Return the path of a namespaced resource, or of one object of it."""
    return f"/{group}/namespaces/{quote(namespace, safe='')}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def _resource(path: str) -> str:
    """Return which resource a path is about, for counting: never a name."""
    parts = path.split("/")
    at = parts.index("namespaces") + 2 if "namespaces" in parts else len(parts) - 1
    return parts[at] if at < len(parts) else "namespaces"


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _never_sent(error: BaseException) -> bool:
    """Return whether no byte of the request can have reached the server."""
    return isinstance(
        error,
        urllib3.exceptions.NewConnectionError
        | urllib3.exceptions.ConnectTimeoutError
        | urllib3.exceptions.NameResolutionError,
    ) or _is_untrusted(error)


def _is_untrusted(error: BaseException) -> bool:
    """Return whether the server's certificate was not accepted, before anything was sent."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, urllib3.exceptions.SSLError) and any(
        isinstance(each, ssl.SSLCertVerificationError) for each in reason.args
    )


def _unanswered(method: str, path: str, error: BaseException) -> str:
    return f"{method} {path}: no answer from the cluster: {type(error).__name__}: {error}"


def decoded(text: bytes | bytearray) -> Any:
    """Return the JSON as Python values. Raises ValueError for what is none."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def now_s() -> float:
    """Return a clock that goes on while the process or the machine sleeps. Only differences mean anything."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
