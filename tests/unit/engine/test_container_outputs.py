"""What a program without a harness gives back; the cluster's reading and local mode's are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock.engine import container_outputs
from penstock.engine.container_outputs import BadOutput
from penstock.engine.result_records import OUTPUT_LIMIT
from penstock_runtimes.harness import containers
from penstock_runtimes.harness.protocol import AttemptFailed

Read = Callable[[Any], Any]


def outcome(read: Read, given: Any) -> tuple[str, Any]:
    try:
        return "output", read(given)
    except (BadOutput, AttemptFailed) as bad:
        return "failed", bad.code


@pytest.fixture(params=[container_outputs, containers], ids=["cluster", "local"])
def side(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("", ("output", None), id="nothing"),
        pytest.param("\n", ("output", None), id="an empty line"),
        pytest.param('{"id": 7}\n', ("output", {"id": 7}), id="JSON"),
        pytest.param("42", ("output", 42), id="a number"),
        pytest.param("null", ("output", None), id="null is no output"),
        pytest.param("ORD-1\n", ("output", "ORD-1"), id="text"),
        pytest.param("two\nlines\n", ("output", "two\nlines"), id="lines of text"),
        pytest.param('{"id": 7', ("output", '{"id": 7'), id="what only looks like JSON"),
        pytest.param("NaN", ("output", "NaN"), id="NaN is no JSON"),
        pytest.param("x" * 4095, ("output", "x" * 4095), id="all that fits"),
        pytest.param("x" * 4096, ("failed", "OUTPUT_TOO_LARGE"), id="what may have been cut"),
        pytest.param("ä" * 2048, ("failed", "OUTPUT_TOO_LARGE"), id="bytes count, not characters"),
        pytest.param("[" * 101 + "]" * 101, ("failed", "OUTPUT_INVALID"), id="nested too deep"),
    ],
)
def test_a_termination_message_is_json_or_text(side: Any, text: str, want: tuple[str, Any]):
    assert outcome(side.by_message, text) == want


@pytest.mark.parametrize(
    ("printed", "want"),
    [
        pytest.param(b"", ("output", None), id="nothing"),
        pytest.param(b'working\n{"id": 7}\n', ("output", {"id": 7}), id="a last line of JSON"),
        pytest.param(b"[1]\n\n  \n", ("output", [1]), id="blank lines after it"),
        pytest.param(b'{"id": 7}\ndone\n', ("output", '{"id": 7}\ndone'), id="JSON that is not the last"),
        pytest.param(b"total\n42\n", ("output", "total\n42"), id="a number is text like any other"),
        pytest.param(b"{broken\n", ("output", "{broken"), id="what only looks like JSON"),
        pytest.param(b"caf\xc3\xa9 \xff\n", ("output", "café \ufffd"), id="broken UTF-8"),
        pytest.param(b"x" * (OUTPUT_LIMIT + 1), ("failed", "OUTPUT_TOO_LARGE"), id="too much text"),
        pytest.param(b"x" * OUTPUT_LIMIT + b'\n{"id": 7}', ("output", {"id": 7}), id="much text before the JSON"),
        pytest.param(b'["' + b"x" * OUTPUT_LIMIT + b'"]', ("failed", "OUTPUT_TOO_LARGE"), id="too much JSON"),
    ],
)
def test_a_log_is_its_last_line_of_json_or_text(side: Any, printed: bytes, want: tuple[str, Any]):
    assert outcome(side.by_log, printed) == want
