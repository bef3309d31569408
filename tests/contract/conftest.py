"""Tells pytest, before any test module is imported, which modules hold asserts although they are no test modules.

An inherited suite that fails has to show both sides of its comparison, like any other test.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.contract.cluster_lists_suite",
    "tests.contract.cluster_status_suite",
    "tests.contract.cluster_suite",
    "tests.contract.cluster_writes_suite",
    "tests.contract.forge_suite",
    "tests.contract.git_suite",
    "tests.contract.machine_suite",
    "tests.contract.workspaces_suite",
)
