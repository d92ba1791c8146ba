"""What counts as a ready node."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import api


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "MemoryPressure", "status": "True"}], False),
        ([], False),
    ],
)
def test_a_node_is_ready_when_its_condition_says_so(conditions: list[dict[str, Any]], expected: bool):
    assert api.is_ready({"status": {"conditions": conditions}}) is expected
    assert not api.is_ready({})
