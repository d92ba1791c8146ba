"""The audit log's reader: what a test that counts writes relies on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import audit

EVENT = {
    "verb": "patch",
    "user": {"username": "system:serviceaccount:penstock:mcp", "groups": ["system:authenticated"]},
    "impersonatedUser": {"username": "alice", "groups": ["order-leads"]},
    "objectRef": {"resource": "workflowruns", "subresource": "status", "namespace": "shop", "name": "run-1"},
    "userAgent": "penstock/0.1",
    "responseStatus": {"code": 409},
}


def test_a_write_names_who_acted_as_whom_on_what():
    assert audit.parse(EVENT) == audit.Write(
        user="system:serviceaccount:penstock:mcp",
        impersonated="alice",
        verb="patch",
        resource="workflowruns",
        subresource="status",
        namespace="shop",
        name="run-1",
        user_agent="penstock/0.1",
        code=409,
    )


def test_only_whole_lines_after_the_offset_are_read(tmp_path: Path):
    log = tmp_path / "audit.log"
    earlier = json.dumps(EVENT | {"verb": "create"}) + "\n"
    log.write_text(earlier)
    offset = audit.end(log)
    log.write_text(earlier + json.dumps(EVENT) + "\n" + json.dumps(EVENT)[:40])

    assert [write.verb for write in audit.writes(log, offset)] == ["patch"]


def test_a_log_that_does_not_exist_yet_ends_at_zero(tmp_path: Path):
    assert audit.end(tmp_path / "audit.log") == 0
