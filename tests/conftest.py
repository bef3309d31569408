"""Settings every test runs under: a known environment, Hypothesis profiles, and no way to pass by not running.

Read by pytest before any test module, in every xdist worker. It never prepares data: builders stand beside their suite.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent


def _isolate() -> None:
    """Change the environment so that neither the developer's settings nor an enclosing `make` reach a test."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "INTERLOCK_", "MAKE")) and not name.startswith("GIT_SSL"):
            del os.environ[name]
    os.environ.pop("MFLAGS", None)
    os.environ["GIT_CONFIG_GLOBAL"] = str(ROOT / "tests" / "gitconfig")
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    os.environ["GIT_TERMINAL_PROMPT"] = "0"
    # Columns decide how tables wrap; colours and pagers have no place in compared output.
    os.environ.update({"COLUMNS": "120", "GIT_PAGER": "cat", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb"})
    # `interlock`, `ruff` and the like are the ones beside this Python, activated or not.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


_isolate()

# No deadline: the machine is shared, and a slow example is not a wrong one. Blobs make a failure in CI replayable here.
_common = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=100, **_common)
settings.register_profile("ci", max_examples=200, **_common)
settings.register_profile("soak", max_examples=int(os.environ.get("SOAK_EXAMPLES", "20000")), **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


@pytest.fixture(scope="session", autouse=True)
def _private_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every worker its own home, so that no test can meet state another run left behind."""
    home = tmp_path_factory.mktemp("home")
    os.environ["HOME"] = str(home)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        os.environ[name] = str(home / name.lower())
    # A developer's own build of the engine: what runs in a test is the source, unless the test says otherwise.
    for name in ("TRADING_CACHE", "TRADING_PLAIN"):
        os.environ.pop(name, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure: a check whose tool is missing has not passed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which proves nothing: {report.longrepr}"
    return report
