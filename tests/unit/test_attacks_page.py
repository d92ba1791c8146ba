"""docs/reference/attacks.md: every case names the tests that try it, and each of them is there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "attacks.md").read_text(encoding="utf-8")
CASES = {
    title: re.findall(r"^- `([^`]+)`$", text, re.MULTILINE)
    for title, text in re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file, those in classes as pytest says them."""
    file = ROOT / path
    return frozenset(_named(ast.parse(file.read_text(encoding="utf-8")).body)) if file.is_file() else frozenset()


def _named(body: list[ast.stmt], before: str = "") -> Iterator[str]:
    for each in body:
        if isinstance(each, ast.ClassDef) and each.name.startswith("Test"):
            yield from _named(each.body, f"{each.name}::")
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name.startswith("test_"):
            yield before + each.name


def test_every_test_that_is_named_is_there():
    named = [name for names in CASES.values() for name in names]
    assert [name for name in named if name.partition("::")[2] not in names_in(name.partition("::")[0])] == []


def test_every_case_names_a_test_and_each_of_them_once():
    assert [title for title, names in CASES.items() if not names] == []
    assert [name for names in CASES.values() for name, count in Counter(names).items() if count > 1] == []


def test_every_case_has_a_number_of_its_own_in_its_order():
    numbers = [re.match(r"([a-z]+)-(\d+): ", title) for title in CASES]
    assert all(numbers)
    counted: Counter[str] = Counter()
    for found in numbers:
        assert found is not None
        counted[found[1]] += 1
        assert counted[found[1]] == int(found[2]), found[0]
    assert len(CASES) == PAGE.count("\n### ")
