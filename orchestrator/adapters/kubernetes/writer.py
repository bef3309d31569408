"""Writing requests: each made once, and what to think of one whose answer never came.

A server that says "too many" has not begun, so that is the one thing repeated here. Everything else that is not a clear
answer is left to the caller, who looks what became of it.
"""

from __future__ import annotations

from collections.abc import Callable

import tenacity

from orchestrator.adapters.kubernetes.connection import APPLY, JSON, Answer, Connection, Json, Unanswered, trouble
from orchestrator.errors import Transient

TRIES = 5


class Writer:
    """One field manager. `guard` is asked before every request; it raises where this process may not write now."""

    def __init__(self, connection: Connection, manager: str, guard: Callable[[], None]) -> None:
        self._connection = connection
        self._manager = manager
        self._guard = guard

    def send(self, method: str, path: str, body: Json, content: str = JSON) -> Answer:
        """Make the request and return the answer.

        Raises Unanswered where nobody knows whether it was carried out, Transient where it was not.
        """
        query = {} if method == "DELETE" else {"fieldManager": self._manager}
        if content == APPLY:
            # Nobody else's word counts in what is applied: a status, which is the leader's alone.
            query["force"] = "true"

        def once() -> Answer:
            self._guard()
            return self._connection.request(method, path, query=query, body=body, content=content)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda answer: answer.status == 429),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2.0),
            stop=tenacity.stop_after_attempt(TRIES),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        try:
            answer = once()
            if answer.status == 429:
                answer = retrying(once)
        except Unanswered as lost:
            if lost.is_sent:
                raise
            raise Transient(str(lost)) from lost
        if answer.status >= 500:
            failure = trouble(answer, f"{method} {path}")
            if not isinstance(failure, Transient):
                raise failure
            raise Unanswered(f"{method} {path}: {answer.why()}", is_sent=True)
        return answer
