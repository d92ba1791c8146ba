"""The SQL files: every statement is named, described and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.adapters import local
from penstock.adapters.local.database import Statement, parse_statements, parse_versions

FOLDER = Path(local.__file__).parent
STATEMENTS = parse_statements((FOLDER / "queries.sql").read_text())


def test_a_statement_has_a_name_a_description_and_sql():
    text = """-- head

-- name: one
-- First line,
-- second line.
SELECT 1
FROM a;

-- name: two
-- Other.
SELECT 2;
"""

    assert parse_statements(text) == {
        "one": Statement("First line, second line.", "SELECT 1\nFROM a;"),
        "two": Statement("Other.", "SELECT 2;"),
    }


def test_none_is_left_out_for_want_of_a_description():
    assert len(STATEMENTS) == (FOLDER / "queries.sql").read_text().count("-- name:")


@pytest.mark.parametrize("name", STATEMENTS)
def test_it_is_one_statement_that_somebody_uses(name: str):
    code = "\n".join(path.read_text() for path in FOLDER.glob("*.py"))

    assert STATEMENTS[name].sql.count(";") == 1
    assert f'"{name}"' in code


def test_python_holds_no_sql():
    verbs = re.compile(r'"(SELECT|INSERT|UPDATE|DELETE) ')

    assert [path.name for path in FOLDER.glob("*.py") if verbs.search(path.read_text())] == []


def test_sections_of_a_schema_come_in_order():
    assert parse_versions("-- why\n\n-- version: 1\nA;\n-- version: 2\nB;\n") == ("A;\n", "B;\n")
