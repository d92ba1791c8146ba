"""What a program states through the file named by PENSTOCK_OUTPUT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock_runtimes.harness.protocol import OUTPUT_LIMIT, STATEMENT_LIMIT, AttemptFailed
from penstock_runtimes.harness.statements import Statements, check_output


class File:
    """The file and its reader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statements = Statements(str(path))

    def add(self, text: str | bytes) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def ended(self) -> Statements:
        self.statements.close()
        return self.statements


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "output.jsonl")


def outcome(statements: Statements) -> Any:
    try:
        has_output, value = statements.output()
    except AttemptFailed as failure:
        return failure.code
    return value if has_output else "none"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("", "none", id="nothing said"),
        pytest.param('{"output":{"a":1}}\n', {"a": 1}, id="a value"),
        pytest.param('{"output":null}\n', None, id="null"),
        pytest.param('{"output":1}\n{"output":2}\n', 2, id="the last one counts"),
        pytest.param('\n  \n{"output":1}\n\n', 1, id="blank lines"),
        pytest.param('{"output":1}', 1, id="no newline at the end"),
        pytest.param('{"outputText":"7"}\n', 7, id="text that is JSON"),
        pytest.param('{"outputText":"seven"}\n', "seven", id="text that is not"),
        pytest.param('{"outputText":"{oops"}\n', "OUTPUT_INVALID", id="half of JSON"),
        pytest.param("seven\n", "OUTPUT_INVALID", id="no JSON"),
        pytest.param("[1]\n", "OUTPUT_INVALID", id="no object"),
        pytest.param('{"outputs":1}\n', "OUTPUT_INVALID", id="an unknown key"),
        pytest.param('{"output":NaN}\n', "OUTPUT_INVALID", id="NaN"),
        pytest.param('{"output":1e999}\n', "OUTPUT_INVALID", id="infinity"),
        pytest.param('{"output":"\\ud800"}\n', "OUTPUT_INVALID", id="half a surrogate pair"),
        pytest.param('{"output":' + "[" * 101 + "]" * 101 + "}\n", "OUTPUT_INVALID", id="nested too deeply"),
        pytest.param('{"output":' + "[" * 100_000 + "\n", "OUTPUT_INVALID", id="nested without end"),
        pytest.param('{"output":"' + "x" * OUTPUT_LIMIT + '"}\n', "OUTPUT_TOO_LARGE", id="over the limit"),
        pytest.param('{"output":"' + "x" * (OUTPUT_LIMIT - 2) + '"}\n', "x" * (OUTPUT_LIMIT - 2), id="at the limit"),
        pytest.param(
            '{"output":"' + "é" * (OUTPUT_LIMIT // 2) + '"}\n', "OUTPUT_TOO_LARGE", id="bytes, not characters"
        ),
        pytest.param("x" * (STATEMENT_LIMIT + 1) + "\n", "OUTPUT_TOO_LARGE", id="a line without end"),
        pytest.param("oops\n" + '{"output":1}\n', 1, id="a good one after a bad one"),
    ],
)
def test_the_output(file: File, text: str, want: Any):
    file.add(text)

    assert outcome(file.ended()) == want


def test_an_output_that_is_too_large_says_the_limit_and_the_way_out():
    with pytest.raises(AttemptFailed, match=r"921602 bytes; the limit is 921600 bytes.*object store.*forEach"):
        check_output("x" * OUTPUT_LIMIT)


def test_a_line_that_is_no_statement_is_named():
    with pytest.raises(AttemptFailed) as failure:
        raise_of('{"output":1}\nhello there\n')

    assert "line 2 " in failure.value.reason
    assert "hello there" in failure.value.reason


def raise_of(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = File(Path(folder) / "f")
        file.add(text)
        file.ended().output()


@pytest.mark.parametrize(
    ("statement", "want"),
    [
        pytest.param('{"fail":{"code":"NO_STOCK","reason":"sold out"}}', ("NO_STOCK", "sold out"), id="both"),
        pytest.param('{"fail":{"code":"A"}}\n{"fail":{"code":"B"}}', ("A", ""), id="the first one counts"),
        pytest.param('{"fail":{"code":"no stock","reason":"r"}}', ("SCRIPT_FAILED", "no stock: r"), id="a sentence"),
        pytest.param('{"fail":{"reason":"r"}}', ("SCRIPT_FAILED", "r"), id="no code"),
        pytest.param('{"fail":{"code":"' + "A" * 65 + '"}}', ("SCRIPT_FAILED", "A" * 65 + ": "), id="a long code"),
        pytest.param(
            '{"fail":{"code":"A","reason":"' + "x" * 2000 + '"}}', ("A", "x" * 1021 + "…"), id="a long reason"
        ),
    ],
)
def test_a_failure(file: File, statement: str, want: tuple[str, str]):
    file.add(statement + "\n")
    failure = file.ended().failure

    assert failure is not None
    assert (failure.code, failure.reason) == want


def test_progress_is_the_newest_since_the_last_look(file: File):
    file.add('{"progress":{"current":1}}\n{"progress":{"current":2}}\n')
    file.statements.read()

    assert file.statements.take_progress() == {"current": 2}
    assert file.statements.take_progress() is None


def test_a_line_is_read_once_it_is_complete(file: File):
    file.add('{"progress":{"cur')
    file.statements.read()
    assert file.statements.take_progress() is None

    file.add('rent":2}}\n')
    file.statements.read()
    assert file.statements.take_progress() == {"current": 2}


def test_a_program_that_overwrites_the_file_is_still_heard(file: File):
    file.add('{"progress":{"current":1,"message":"something long enough"}}\n')
    file.statements.read()
    file.path.write_text('{"output":1}\n')

    assert outcome(file.ended()) == 1
