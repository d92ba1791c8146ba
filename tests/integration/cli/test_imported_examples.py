"""The files of examples/imports are what the commands write today, from what stands beside them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.integration.cli.person import EXAMPLES, Person

FOLDER = EXAMPLES / "imports"


def written(person: Person, name: str, *words: str) -> str:
    """The file, and whether it is valid as it is."""
    done = person.penstock("import", *words, "--name", name, seconds=90)
    assert done.returncode == 0, done.stderr
    checked = person.penstock("--local", "validate", f"{name}.yaml", seconds=90)
    assert checked.returncode == 0, checked.stderr
    return (person.home / f"{name}.yaml").read_text()


def kept(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text()


def test_a_database(person: Person):
    with closing(sqlite3.connect(person.home / "articles.db")) as database:
        database.executescript((FOLDER / "articles.sql").read_text())
    place = f"sqlite:///{person.home.resolve()}/articles.db"
    text = written(person, "articles", "sql", place, "--table", "articles")
    assert text.replace(place, "sqlite:////data/articles.db") == kept("articles")


def test_an_api(person: Person):
    assert written(person, "parcels", "openapi", str(FOLDER / "parcels.openapi.json")) == kept("parcels")


def test_a_tool_context(person: Person):
    assert written(person, "remind", "tool-context", str(FOLDER / "remind.context.json")) == kept("remind")


def test_the_table_names_every_file_once() -> None:
    table = (EXAMPLES / "README.md").read_text()
    named = re.findall(r"^\| \[(imports/[a-z-]+\.yaml)\]\(\1\) \|", table, flags=re.MULTILINE)
    assert sorted(named) == [f"imports/{path.name}" for path in sorted(Path(FOLDER).glob("*.yaml"))]
