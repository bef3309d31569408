"""`/healthz`, `/readyz` and `/metrics` over HTTP, answered beside the loop.

Alive means that the loop went round a moment ago: an agent that runs for hours does not hold it up, a deadlock does.
Ready means that it could do its work now. Both say why not, in words.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from orchestrator.adapters.probes.metrics import CONTENT_TYPE
from orchestrator.errors import Invalid, Unusable

log = logging.getLogger("interlock.probes")

Question = Callable[[], str]
"""Return what is wrong; an empty text where nothing is."""


class ProbeServer:
    """Answers until it is closed."""

    def __init__(self, address: str, *, healthy: Question, ready: Question, metrics: Callable[[], bytes]) -> None:
        """`address` is HOST:PORT; an empty host is every one, port 0 any free one. Raises Unusable if it is taken."""
        host, port = parsed(address)
        answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/healthz": lambda: _said(healthy()),
            "/readyz": lambda: _said(ready()),
            "/metrics": lambda: (200, CONTENT_TYPE, metrics()),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = answers.get(self.path.partition("?")[0])
                code, kind, body = answer() if answer else (404, "text/plain", b"/healthz, /readyz or /metrics\n")
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: probes come every few seconds."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise Unusable(f"--listen {address}: {error.strerror}; name another port, or 0 for any") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def parsed(address: str) -> tuple[str, int]:
    """Return host and port. Raises Invalid for anything but HOST:PORT."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise Invalid(f"--listen {address}: write HOST:PORT, such as 127.0.0.1:8080, or :8080 for every address")
    return host.strip("[]"), int(port)


def _said(trouble: str) -> tuple[int, str, bytes]:
    return (503, "text/plain", f"{trouble}\n".encode()) if trouble else (200, "text/plain", b"ok\n")
