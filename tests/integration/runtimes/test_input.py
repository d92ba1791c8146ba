"""The input document on its ways in, and what is refused before anything runs."""

from __future__ import annotations

import hashlib
import subprocess
from typing import Any

import pytest

from tests.integration.runtimes.conftest import Harness, a_document


def test_a_large_document_comes_in_parts(harness: Harness):
    context = {"text": "é" * 3_000_000 + "end"}
    data = a_document("python", "output([len(context.text), context.text[-3:]])", context=context)
    folder = harness.folder / "in"
    folder.mkdir()
    for number, start in enumerate(range(0, len(data), 900_000)):
        (folder / f"part-{number:03d}").write_bytes(data[start : start + 900_000])
    digest = hashlib.sha256(data).hexdigest()

    finished = harness.finish(harness.start_with({"PENSTOCK_INPUT": str(folder), "PENSTOCK_INPUT_SHA256": digest}))

    assert finished.record.output == [3_000_003, "end"]


@pytest.mark.parametrize("runtime", ["python", "bash"])
def test_a_document_comes_in_a_variable_that_the_program_does_not_get(harness: Harness, runtime: str):
    shown = {"bash": "env", "python": "import os; print(os.environ)"}[runtime]
    document = a_document(runtime, shown, context={"text": "é $(PATH)"}).decode()

    finished = harness.finish(
        harness.start_with({"PENSTOCK_INPUT": "env:PENSTOCK_DOCUMENT", "PENSTOCK_DOCUMENT": document})
    )

    assert finished.record.succeeded
    assert "é $(PATH)".encode() in finished.printed
    assert b"PENSTOCK_DOCUMENT" not in finished.printed


def test_a_document_comes_on_standard_input(harness: Harness):
    data = a_document("bash", 'cat; output "$CTX_a"', context={"a": "é"})
    process = harness.start_with({"PENSTOCK_INPUT": "-"}, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(f"{len(data):08x}\n".encode() + data + b"not for the script")
    process.stdin.flush()

    finished = harness.finish(process)

    assert finished.record.output == "é"
    assert finished.printed == b""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "ended 9 bytes before", id="nothing"),
        pytest.param(b"0000000z\n", "8 hex digits", id="no length"),
        pytest.param(b"00000010\nshort", "ended 11 bytes before", id="cut"),
        pytest.param(b"ffffffff\n", "more than", id="too long"),
    ],
)
def test_standard_input_that_is_no_document_is_refused(harness: Harness, data: bytes, message: str):
    process = harness.start_with({"PENSTOCK_INPUT": "-"}, stdin=subprocess.PIPE)
    with process:
        log, _ = process.communicate(data)

    assert process.returncode == 125
    assert b"INPUT_INVALID" in log
    assert message.encode() in log


def test_a_document_that_was_changed_is_not_run(harness: Harness):
    path = harness.folder / "in"
    path.write_bytes(a_document("bash", "touch ran"))
    other = hashlib.sha256(b"what was approved").hexdigest()

    finished = harness.finish(harness.start_with({"PENSTOCK_INPUT": str(path), "PENSTOCK_INPUT_SHA256": other}))

    assert finished.error[0] == "INPUT_MISMATCH"
    assert finished.exit_code == 125
    assert not (finished.folder / "ran").exists()


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        pytest.param({"version": 7}, "INPUT_INVALID", "version 7", id="another version"),
        pytest.param({"runtime": "cobol"}, "RUNTIME_MISSING", "no runtime `cobol`", id="an unknown runtime"),
        pytest.param({"context": {"a": "x\0y"}}, "INPUT_INVALID", "context.a holds a NUL", id="NUL in a value"),
        pytest.param({"context": {"a": "\ud800"}}, "INPUT_INVALID", "surrogate", id="half a surrogate pair"),
        pytest.param({"context": {"A": "\ud800"}}, "INPUT_INVALID", "surrogate", id="half a pair in the file alone"),
        pytest.param({"source": "\ud800"}, "INPUT_INVALID", "the script holds", id="half a pair in the script"),
        pytest.param({"dependencies": ["x"]}, "INPUT_INVALID", "takes no `dependencies`", id="dependencies of bash"),
    ],
)
def test_what_cannot_run_says_why(harness: Harness, fields: dict[str, Any], code: str, message: str):
    finished = harness.run(**{"runtime": "bash", "source": "touch ran", **fields})

    assert finished.error[0] == code
    assert finished.error[1] is not None
    assert message in finished.error[1]
    assert finished.exit_code == 125
    assert finished.record.exit_code is None
    assert not (finished.folder / "ran").exists()


def test_a_missing_interpreter_is_named(harness: Harness):
    finished = harness.run("bash", "true", {"PATH": "/nowhere"})

    assert finished.error == (
        "RUNTIME_MISSING",
        "bash is not installed here, or not on PATH. Install bash with the package manager of this system",
    )


def test_a_folder_that_cannot_be_written_is_an_error_with_a_record(harness: Harness):
    finished = harness.run("bash", "true", {"PENSTOCK_WORKDIR": "/proc/nowhere"})

    assert finished.error[0] == "HARNESS_ERROR"
    assert finished.exit_code == 125
