"""A plugin that has a process of pytest play on the compiled engine: pytest -p tests.trading.on_compiled …

It fails where there is no build that fits: a suite that ran on the source instead would prove nothing.
"""

from __future__ import annotations

import pytest

from trading.compiled import cache, finder

_found = cache.fitting()
if _found is None:
    raise pytest.UsageError(f"no build in {cache.builds()} fits this code; run: make test-accelerated")
finder.use(_found)


def pytest_report_header() -> str:
    """Say what is tested."""
    from trading.engine import backtest

    return f"engine: {backtest.__file__}"
