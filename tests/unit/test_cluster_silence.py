"""What a leader says while the API server is not heard: enough to act on, and no more."""

from __future__ import annotations

import logging

import pytest

from orchestrator.adapters.kubernetes.reflector import Outage
from orchestrator.errors import Refused, Transient


def test_an_outage_is_told_once_and_again_where_its_reason_changes(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage()
    with caplog.at_level(logging.WARNING):
        outage.begin("AgentRun", Transient("connection refused on 1"))
        outage.begin("MergeTrain", Transient("connection refused on 2"))
        outage.begin("AgentRun", Refused("certificate verify failed"))
        outage.begin("MergeTrain", Refused("certificate verify failed"))
        outage.end("AgentRun")
        outage.end("MergeTrain")
        outage.begin("AgentRun", Transient("connection refused on 3"))
    said = [(record.getMessage(), getattr(record, "why", "")) for record in caplog.records]
    assert said == [
        ("the cluster is not heard", "connection refused on 1"),
        ("the cluster is not heard", "certificate verify failed"),
        ("the cluster is heard again", ""),
        ("the cluster is not heard", "connection refused on 3"),
    ]
