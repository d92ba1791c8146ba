"""The page of attacks names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "attacks.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda each: each)
def test_each_test_that_it_names_is_there(file: str, test: str):
    assert re.search(rf"def {test}\(", (ROOT / file).read_text(encoding="utf-8"))


def test_each_row_names_one():
    assert len(ROWS) > 25
    assert [row for row in ROWS if "`tests/" not in row] == []
