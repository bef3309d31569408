"""A headless Chromium driven over a pipe: no port, no web socket, no driver program, nothing left behind.

`CHROMIUM` names the program; else one on PATH is taken, else the one `scripts/browser.sh` installed from
a package registry. A page is given as a file. Whatever it asks for and whatever it complains about is kept.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".venv/browser"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_TIMEOUT_S = 30.0
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-extensions",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)


def program() -> Path:
    """Return the browser to use. Raises where there is none: a page nobody looked at is not fine."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return Path(found)
    installed = INSTALLED / "chromium"
    if installed.is_file():
        return installed
    raise AssertionError("there is no browser: run `make test-browser`, which installs one, or set CHROMIUM")


@dataclass
class Tab:
    """One page, and what it did while it was loaded."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the answer to one command about this page."""
        return self.browser.call(method, parameters, self.session)

    def show(self, file: Path, *, width: int, height: int = 900, dark: bool = False, scripts: bool = False) -> None:
        """Load the file in a window of this size. Scripts are off as far as the page is concerned."""
        self.requests.clear()
        self.complaints.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.browser.expect("Page.loadEventFired", lambda: self.call("Page.navigate", url=file.as_uri()))

    def tell(self, expression: str) -> Any:
        """Return what a question about the page evaluates to; asked from outside, so it works with scripts off."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, *, whole: bool = True) -> bytes:
        """Return what it looks like as a PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def printed(self) -> bytes:
        """Return what comes out of a printer, as a PDF on A4."""
        answer = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(answer["data"])

    def spoken(self) -> list[Mapping[str, Any]]:
        """Return the accessibility tree's nodes, as a screen reader gets them."""
        nodes: list[Mapping[str, Any]] = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]


class Browser:
    """A browser process and the pipe to it."""

    def __init__(self, path: Path, profile: Path) -> None:
        self._number = 0
        self._rest = b""
        self._queue: deque[dict[str, Any]] = deque()
        self._tabs: dict[str, Tab] = {}
        self._seen: list[str] = []
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        environment = {**os.environ, "HOME": str(profile), "LC_ALL": "C.UTF-8"}
        beside = path.parent / "lib"
        if beside.is_dir():
            environment |= {"LD_LIBRARY_PATH": str(beside), "FONTCONFIG_FILE": str(path.parent / "fonts.conf")}
        # The browser speaks on descriptors 3 and 4; the shell moves them there, which subprocess alone cannot.
        command = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        arguments = [str(path), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with (profile / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", command, "browser", str(to_read), str(to_write), *arguments],
                env=environment,
                pass_fds=(to_read, to_write),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(to_read)
        os.close(to_write)
        self._log = profile / "log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call("Browser.close", {})
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(ANSWER_TIMEOUT_S)
        os.close(self._write)
        os.close(self._read)

    def tab(self) -> Tab:
        """Return a new page that tells what it asks for and complains about."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            tab.call(f"{domain}.enable")
        return tab

    def call(self, method: str, parameters: Mapping[str, Any], session: str | None = None) -> Any:
        """Return the answer to one command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        for heard in self._heard():
            if heard.get("id") == self._number:
                assert "error" not in heard, f"{method}: {heard['error']}"
                return heard["result"]
        raise AssertionError(f"{method}: the browser is gone: {self._words()}")

    def expect(self, event: str, act: Callable[[], object]) -> None:
        """Act, and return once the event was heard."""
        self._seen.clear()
        act()
        if event in self._seen:
            return
        for heard in self._heard():
            if heard.get("method") == event:
                return

    def _heard(self) -> Iterator[dict[str, Any]]:
        """Yield what the browser says, noting what concerns a page."""
        until = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            while self._queue:
                message = self._queue.popleft()
                self._note(message)
                yield message
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the browser said nothing for {ANSWER_TIMEOUT_S} s: {self._words()}"
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                return
            *whole, self._rest = (self._rest + chunk).split(b"\0")
            self._queue.extend(json.loads(raw) for raw in whole)

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method", ""), message.get("params", {})
        self._seen.append(method)
        tab = self._tabs.get(message.get("sessionId", ""))
        if tab is None:
            return
        if method == "Network.requestWillBeSent":
            tab.requests.append(parameters["request"]["url"])
        elif method == "Log.entryAdded":
            tab.complaints.append(parameters["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            tab.complaints.append(json.dumps(parameters)[:500])

    def _words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a running browser with a profile of its own, both gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="interlock-browser-", ignore_cleanup_errors=True) as profile,
        Browser(program(), Path(profile)) as running,
    ):
        yield running
