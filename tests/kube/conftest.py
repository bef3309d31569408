"""Hands a test a control plane: one a session (and worker) with our definitions installed, and a namespace of its own.

A test that breaks the plane, or needs one without definitions, starts its own: `with Plane.start() as plane`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.kube.plane import Plane
from tests.kube.swarm import Swarm, swarm

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def plane(request: pytest.FixtureRequest) -> Iterator[Plane]:
    """Yield a control plane with the definitions installed. Its logs are kept where a test failed."""
    running = Plane.start()
    try:
        running.install()
        yield running
    finally:
        failed = request.session.stash.get(_FAILED, False)
        running.stop(keep_logs=_logs(request.config) if failed else None)


@pytest.fixture
def namespace(plane: Plane) -> str:
    """Return a namespace nobody else uses. It goes with the plane."""
    return plane.namespace("test")


@pytest.fixture
def shop(plane: Plane, namespace: str, tmp_path: Path) -> Iterator[Swarm]:
    """Yield a repository and a namespace with a train, without items."""
    with swarm(plane, namespace, tmp_path) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Swarm]:
    """Yield a swarm on a plane of its own, which may be broken."""
    with Plane.start() as plane:
        plane.install()
        with swarm(plane, plane.namespace("own"), tmp_path) as made:
            yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a failure, and say in its report where the logs of the plane will be."""
    report = yield
    if report.failed:
        item.session.stash[_FAILED] = True
        report.sections.append(("control plane", f"its logs are kept in {_logs(item.config)}"))
    return report


def _logs(config: pytest.Config) -> Path:
    assert config.cache is not None
    return Path(config.cache.mkdir("kube-logs")) / os.environ.get("PYTEST_XDIST_WORKER", "main")
