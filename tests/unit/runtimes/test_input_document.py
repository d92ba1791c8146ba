"""The input document: where it comes from, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from penstock_runtimes.harness.environment import WorkFolder, child_environment, is_context_name
from penstock_runtimes.harness.input_document import InputDocument, check_digest, find_nonce, parse, read
from penstock_runtimes.harness.protocol import ENVIRONMENT_VALUE_LIMIT, AttemptFailed


def a_document(**changes: Any) -> bytes:
    fields = {"version": 1, "runtime": "bash", "source": ":", "step": "s", "nonce": "ab", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def refusal(data: bytes) -> str:
    with pytest.raises(AttemptFailed) as failure:
        parse(data)
    assert failure.value.code == "INPUT_INVALID"
    return failure.value.reason


def test_what_is_left_out_has_a_default():
    document = parse(a_document())

    assert (document.attempt, document.context, document.dependencies, document.item) == (1, {}, [], None)
    assert (document.timeout_seconds, document.capture, document.secret_env) == (None, False, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"\xff", "not JSON in UTF-8", id="no UTF-8"),
        pytest.param(b"[]", "must be a JSON object", id="a list"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested without end"),
        pytest.param(a_document(version=2), "version 2", id="another version"),
        pytest.param(a_document(version=True), "`version`", id="true is no number"),
        pytest.param(a_document(nonce=...), "`nonce`", id="no nonce"),
        pytest.param(a_document(source=1), "`source`", id="a source of a number"),
        pytest.param(a_document(context=[]), "`context`", id="a context of a list"),
        pytest.param(a_document(dependencies=[1]), "`dependencies`", id="dependencies of numbers"),
        pytest.param(a_document(timeoutSeconds=0), "`timeoutSeconds`", id="no time"),
        pytest.param(a_document(runtime="../evil"), "`runtime`", id="a runtime of a path"),
    ],
)
def test_a_document_that_is_none_is_refused(data: bytes, message: str):
    assert message in refusal(data)


def test_the_nonce_is_found_in_a_document_that_is_refused():
    assert find_nonce(a_document(version=9)) == "ab"


@pytest.mark.parametrize("data", [b"", b"[]", a_document(nonce=1), a_document(nonce="a\n"), a_document(nonce="a b")])
def test_without_a_usable_nonce_there_is_a_dash(data: bytes):
    assert find_nonce(data) == "-"


def test_a_file_is_read(tmp_path: Path):
    (tmp_path / "in").write_bytes(b"content")

    assert read({"PENSTOCK_INPUT": str(tmp_path / "in")}) == b"content"


def test_parts_are_joined_in_order(tmp_path: Path):
    for number in range(11):
        (tmp_path / f"part-{number:03d}").write_text(f"{number},")
    (tmp_path / "..data").mkdir()

    assert read({"PENSTOCK_INPUT": str(tmp_path)}) == b"0,1,2,3,4,5,6,7,8,9,10,"


@pytest.mark.parametrize("names", [[], ["part-001"], ["part-000", "part-002"], ["part-1"]])
def test_missing_parts_are_refused(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(AttemptFailed, match="part-000, part-001"):
        read({"PENSTOCK_INPUT": str(tmp_path)})


def test_a_variable_is_read():
    assert read({"PENSTOCK_INPUT": "env:PENSTOCK_DOCUMENT", "PENSTOCK_DOCUMENT": "$(A) é"}) == "$(A) é".encode()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({}, "PENSTOCK_INPUT is not set", id="nothing"),
        pytest.param({"PENSTOCK_INPUT": "/nowhere/at/all"}, "cannot read", id="no such file"),
        pytest.param({"PENSTOCK_INPUT": "env:PENSTOCK_X"}, "PENSTOCK_X, which should hold", id="no such variable"),
        pytest.param({"PENSTOCK_INPUT": "env:X", "X": "1"}, "must begin with PENSTOCK_", id="one that is passed on"),
    ],
)
def test_no_document_is_an_error(settings: dict[str, str], message: str):
    with pytest.raises(AttemptFailed, match=message):
        read(settings)


def test_the_digest_is_compared_when_it_is_given():
    digest = hashlib.sha256(b"data").hexdigest()

    check_digest(b"data", {})
    check_digest(b"data", {"PENSTOCK_INPUT_SHA256": digest.upper() + "\n"})
    with pytest.raises(AttemptFailed) as failure:
        check_digest(b"date", {"PENSTOCK_INPUT_SHA256": digest})
    assert failure.value.code == "INPUT_MISMATCH"


def environment_for(tmp_path: Path, inherited: dict[str, str] | None = None, **fields: Any) -> dict[str, str]:
    document = InputDocument(json.loads(a_document(**fields)))
    return child_environment(inherited or {}, document, WorkFolder(str(tmp_path)))


def test_the_context_becomes_variables(tmp_path: Path):
    context = {"a": "it's", "n": 1, "f": 1.5, "t": True, "z": None, "l": [1, "é"], "o": {"k": 1}}

    environment = environment_for(tmp_path, context=context)

    assert {name: value for name, value in environment.items() if name.startswith("CTX_")} == {
        "CTX_a": "it's",
        "CTX_n": "1",
        "CTX_f": "1.5",
        "CTX_t": "true",
        "CTX_z": "null",
        "CTX_l": '[1,"é"]',
        "CTX_o": '{"k":1}',
    }


@pytest.mark.parametrize(
    "key", ["PATH", "LD_PRELOAD", "A", "_a", "9a", "a-b", "a b", "", "a" * 64, "а", "a=b", "a\0", "__proto__"]
)
def test_a_caller_cannot_choose_a_variables_name(tmp_path: Path, key: str):
    environment = environment_for(tmp_path, context={key: "evil"})

    assert "evil" not in environment.values()
    assert not is_context_name(key)


def test_a_value_over_the_limit_is_only_in_the_file(tmp_path: Path):
    context = {"big": "é" * (ENVIRONMENT_VALUE_LIMIT // 2 + 1), "fits": "x" * ENVIRONMENT_VALUE_LIMIT}

    environment = environment_for(tmp_path, context=context)

    assert "CTX_big" not in environment
    assert "CTX_fits" in environment


@pytest.mark.parametrize(
    ("context", "message"),
    [
        pytest.param({"a": "x\0y"}, "context.a holds a NUL", id="NUL"),
        pytest.param({"a": "\ud800"}, "context.a holds half of a surrogate pair", id="half a surrogate pair"),
        pytest.param({f"k{n}": "x" * 30_000 for n in range(40)}, "the limit is 1048576", id="too much"),
    ],
)
def test_what_no_environment_can_hold_is_refused(tmp_path: Path, context: dict[str, str], message: str):
    with pytest.raises(AttemptFailed, match=message):
        environment_for(tmp_path, context=context)


def test_the_harness_keeps_its_own_settings_to_itself(tmp_path: Path):
    inherited = {"PATH": "/bin", "PENSTOCK_INPUT": "/in", "PENSTOCK_GRACE_SECONDS": "1", "CTX_a": "stale", "MINE": "x"}

    environment = environment_for(tmp_path, inherited, context={})

    assert environment["PATH"] == "/bin"
    assert environment["MINE"] == "x"
    assert not {"PENSTOCK_INPUT", "PENSTOCK_GRACE_SECONDS", "CTX_a"} & set(environment)


def test_the_program_is_told_what_runs(tmp_path: Path):
    environment = environment_for(
        tmp_path, attempt=3, idempotencyKey="key", run={"name": "r-1", "phase": "Failed", "failedSteps": ["a"]}
    )

    assert environment["PENSTOCK_RUN"] == "r-1"
    assert environment["PENSTOCK_STEP"] == "s"
    assert environment["PENSTOCK_ATTEMPT"] == "3"
    assert environment["PENSTOCK_IDEMPOTENCY_KEY"] == "key"
    assert environment["PENSTOCK_RUN_PHASE"] == "Failed"


def test_only_finally_steps_know_the_runs_phase(tmp_path: Path):
    assert "PENSTOCK_RUN_PHASE" not in environment_for(tmp_path, run={"name": "r", "phase": None})
