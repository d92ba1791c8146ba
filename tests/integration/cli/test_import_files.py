"""The file that an import writes: edits stay, whoever else imports at the same time and whenever it is interrupted."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from penstock.cli.importing.written import generated_before, take_in
from penstock.errors import NotPossible
from tests.integration.cli.imported import execute
from tests.integration.cli.person import Person, until

ROUNDS = 60


def document(name: str, *lines: str) -> str:
    return f"kind: Workflow\nmetadata: {{name: {name}}}\n" + "".join(f"{line}: 1\n" for line in lines)


def nothing_wrong(_: str) -> list[object]:
    return []


def test_two_imports_at_once_are_one_after_the_other(tmp_path: Path):
    """What one has written the other finds as generated: else its lines would count as a person's from then on."""
    path = tmp_path / "shop.yaml"
    start = threading.Barrier(2)

    def importing(name: str) -> None:
        for number in range(ROUNDS):
            start.wait()
            take_in(path, document("a", f"{name}{number}", "last"), nothing_wrong)

    others = [threading.Thread(target=importing, args=(name,)) for name in ("one", "two")]
    for each in others:
        each.start()
    for each in others:
        each.join()
    assert path.read_text() == generated_before(path).read_text()
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []
    taken = take_in(path, document("a", "after", "last"), nothing_wrong)
    assert (path.read_text(), taken.conflicts) == (document("a", "after", "last"), ())


def test_an_import_that_was_interrupted_is_gone_on_with(tmp_path: Path):
    path = tmp_path / "shop.yaml"

    def interrupted(_: str) -> list[object]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(path, document("a"), interrupted)
    assert list(tmp_path.iterdir()) == []
    # Between the two files that it writes.
    path.write_text(document("a"))
    assert not take_in(path, document("a"), nothing_wrong).changed
    assert generated_before(path).read_text() == document("a")
    path.write_text(document("a", "mine"))
    generated_before(path).unlink()
    with pytest.raises(NotPossible):
        take_in(path, document("a"), nothing_wrong)
    assert path.read_text() == document("a", "mine")


def test_a_further_import_that_is_interrupted_loses_no_edit(tmp_path: Path):
    path = tmp_path / "shop.yaml"
    take_in(path, document("a", "first"), nothing_wrong)
    path.write_text(document("a", "first", "mine"))
    beside = generated_before(path).read_text()
    take_in(path, document("a", "first", "second"), nothing_wrong)
    merged = path.read_text()
    # As it was before the second of its files was written.
    generated_before(path).write_text(beside)
    take_in(path, document("a", "first", "second"), nothing_wrong)
    assert path.read_text() == merged
    assert "mine: 1" in merged


def test_ctrl_c_in_the_middle_leaves_no_half_of_a_file(person: Person):
    url = f"sqlite:///{person.home}/shop.db"
    execute(url, *(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, name TEXT)" for number in range(120)))
    importing = person.start("import", "sql", url, "--name", "shop")
    until(lambda: "_sqlite3" in Path(f"/proc/{importing.pid}/maps").read_text(), "it never began")
    importing.send_signal(signal.SIGINT)
    _, said = importing.communicate(timeout=60)
    assert importing.returncode == 130, said
    assert "Traceback" not in said
    assert not (person.home / "shop.yaml").exists()
    done = person.penstock("import", "sql", url, "--name", "shop", seconds=90)
    assert done.returncode == 0, done.stderr
    assert len((person.home / "shop.yaml").read_text().split("\n---\n")) == 601
