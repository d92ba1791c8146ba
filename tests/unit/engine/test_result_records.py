"""A harness's log, cut into output, progress and the one result."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.result_records import (
    OUTPUT_LIMIT,
    PROGRESS_MARK,
    RECORD_LIMIT,
    RECORD_MARK,
    TERMINATION_MARK,
    Event,
    LogChunk,
    Progress,
    RecordParser,
    ResultRecord,
    Usage,
    parse_termination_message,
)

NONCE = "5f3c"
USAGE = {"wallSeconds": 1.5, "cpuSeconds": 0.25, "peakRssBytes": 4096}


def a_document(**changes: Any) -> dict[str, Any]:
    document = {"version": 1, "exitCode": 0, "signal": None, "usage": USAGE, "interpreter": "bash 5.2", **changes}
    return {name: value for name, value in document.items() if value is not ...}


def a_record(nonce: str = NONCE, **changes: Any) -> bytes:
    return f"{RECORD_MARK} {nonce} {json.dumps(a_document(**changes))}\n".encode()


def a_progress(current: float = 1, nonce: str = NONCE) -> bytes:
    return f'{PROGRESS_MARK} {nonce} {{"current":{current},"total":3,"message":"half"}}\n'.encode()


def parsed(*chunks: bytes, nonce: str = NONCE) -> list[Event]:
    parser = RecordParser(nonce)
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()


def output_of(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, LogChunk))


def results_in(events: list[Event]) -> list[ResultRecord]:
    return [event for event in events if isinstance(event, ResultRecord)]


def test_a_log_becomes_output_progress_and_result_in_order():
    events = parsed(b"first\n" + a_progress() + b"second\n" + a_record(output={"a": [1]}, dependencies=["six==1"]))

    assert events == [
        LogChunk(b"first\n"),
        Progress(1, 3, "half"),
        LogChunk(b"second\n"),
        ResultRecord(0, None, {"a": [1]}, True, None, None, Usage(1.5, 0.25, 4096), "bash 5.2", ("six==1",)),
    ]


def test_a_failed_attempt_says_why():
    (result,) = results_in(parsed(a_record(exitCode=None, signal="SIGKILL", error={"code": "OOM", "reason": "r"})))

    assert (result.exit_code, result.signal, result.error_code, result.error_reason) == (None, "SIGKILL", "OOM", "r")
    assert not result.succeeded


def test_an_output_of_null_is_told_from_none():
    with_null, without = (results_in(parsed(a_record(output=output)))[0] for output in (None, ...))

    assert (with_null.has_output, without.has_output) == (True, False)


def test_captured_streams_are_kept():
    (result,) = results_in(parsed(a_record(stdout="out", stderr="err")))

    assert (result.stdout, result.stderr) == ("out", "err")


def test_the_first_result_counts_and_later_records_are_dropped():
    events = parsed(a_record(output=1) + b"between\n" + a_record(output=2) + a_progress() + b"after\n")

    assert [result.output for result in results_in(events)] == [1]
    assert output_of(events) == b"between\nafter\n"
    assert not any(isinstance(event, Progress) for event in events)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(a_record(nonce="0000"), id="another nonce"),
        pytest.param(a_record(nonce=NONCE + "0"), id="a longer nonce"),
        pytest.param(b"x" + a_record(), id="not at the start of a line"),
        pytest.param(a_record().replace(b"PENSTOCK/1", b"PENSTOCK/2"), id="another format version"),
        pytest.param(a_record(version=2), id="another record version"),
        pytest.param(a_record()[:-3] + b"\n", id="cut JSON"),
        pytest.param(f"{RECORD_MARK} {NONCE} [1]\n".encode(), id="not an object"),
        pytest.param(f"{RECORD_MARK} {NONCE} \xff\n".encode("latin-1"), id="not UTF-8"),
        pytest.param(a_record(usage=...), id="no usage"),
        pytest.param(a_record(usage={**USAGE, "wallSeconds": -1}), id="negative usage"),
        pytest.param(a_record(exitCode="0"), id="an exit code of text"),
        pytest.param(a_record(exitCode=True), id="an exit code of true"),
        pytest.param(a_record(exitCode=1), id="failed without an error"),
        pytest.param(a_record(error={"code": "X"}), id="an error without a reason"),
        pytest.param(a_record(output=1).replace(b'"output": 1', b'"output": NaN'), id="NaN"),
        pytest.param(a_record(output=1).replace(b'"output": 1', b'"output": 1e999'), id="infinity"),
        pytest.param(a_record(output="\ud800"), id="half a surrogate pair"),
        pytest.param(a_record(output="x" * (OUTPUT_LIMIT + 1)), id="an output over the limit"),
        pytest.param(a_record(output=json.loads("[" * 101 + "]" * 101)), id="an output nested too deeply"),
        pytest.param(f"{RECORD_MARK} {NONCE} {'[' * 100_000}\n".encode(), id="JSON nested without end"),
        pytest.param(f'{PROGRESS_MARK} {NONCE} {{"current":"1"}}\n'.encode(), id="progress of text"),
    ],
)
def test_what_is_not_exactly_a_record_of_this_attempt_is_output(line: bytes):
    assert parsed(line) == [LogChunk(line)]


def test_a_real_record_counts_after_a_forged_one():
    forged = a_record(nonce="0000", output="forged")

    events = parsed(forged + a_record(output="real"))

    assert [result.output for result in results_in(events)] == ["real"]
    assert output_of(events) == forged


def test_a_log_that_ends_without_a_newline_still_gives_its_record():
    assert results_in(parsed(a_record(output=7)[:-1]))[0].output == 7


def test_a_line_that_may_still_become_a_record_is_held_back():
    parser = RecordParser(NONCE)

    assert parser.feed(b"\x1ePENSTOCK/1 5f") == []
    assert parser.feed(b"zz and on") == [LogChunk(b"\x1ePENSTOCK/1 5fzz and on")]
    assert parser.feed(b" and on\n") == [LogChunk(b" and on\n")]


def test_memory_stays_bounded_by_a_record_that_never_ends():
    parser = RecordParser(NONCE)
    piece = b"x" * 65536
    passed = parser.feed(f"{RECORD_MARK} {NONCE} ".encode())
    for _ in range(RECORD_LIMIT // len(piece) + 2):
        passed += parser.feed(piece)

    assert len(output_of(passed)) > RECORD_LIMIT


def test_many_short_lines_come_out_in_one_piece():
    text = b"line\n" * 10_000

    assert parsed(text) == [LogChunk(text)]


def test_parser_says_when_it_is_finished():
    parser = RecordParser(NONCE)
    parser.feed(b"text\n")
    assert not parser.finished

    parser.feed(a_record())
    assert parser.finished


LINES = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"") + b"\n"),
        st.sampled_from([b"\n", b"\x1e\n", b"\x1ePENSTOCK\n", a_progress(), a_record(nonce="77"), b"\x00\xff\n"]),
    ),
    max_size=8,
)


@given(LINES, LINES, st.data())
def test_how_the_bytes_are_cut_changes_nothing(before: list[bytes], after: list[bytes], data: st.DataObject):
    log = b"".join([*before, a_record(output={"k": "v"}), *after])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=12)))
    pieces = [log[start:end] for start, end in zip([0, *cuts], [*cuts, len(log)], strict=True)]

    whole, cut = parsed(log), parsed(*pieces)

    assert results_in(cut) == results_in(whole)
    assert output_of(cut) == output_of(whole)
    assert [e for e in cut if isinstance(e, Progress)] == [e for e in whole if isinstance(e, Progress)]


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_output_without_records_passes_unchanged(pieces: list[bytes]):
    assert output_of(parsed(*pieces)) == b"".join(pieces)


def a_message(nonce: str = NONCE, **changes: Any) -> str:
    packed = b64encode(zlib.compress(json.dumps(a_document(**changes)).encode())).decode()
    return f"{TERMINATION_MARK} {nonce} {packed}"


def test_a_termination_message_holds_the_same_record():
    record = parse_termination_message(a_message(output=[1, 2]), NONCE)

    assert record == results_in(parsed(a_record(output=[1, 2])))[0]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("", id="empty"),
        pytest.param("Error: it went wrong", id="another program's"),
        pytest.param(a_message(nonce="0000"), id="another nonce"),
        pytest.param(a_message(version=3), id="another version"),
        pytest.param(a_message()[:-5], id="cut"),
        pytest.param(f"{TERMINATION_MARK} {NONCE} !!", id="not base64"),
        pytest.param(f"{TERMINATION_MARK} {NONCE} {b64encode(b'plain').decode()}", id="not compressed"),
        pytest.param(a_message(output=" " * (RECORD_LIMIT + 1)), id="a record that unpacks beyond all limits"),
    ],
)
def test_any_other_termination_message_is_no_record(message: str):
    assert parse_termination_message(message, NONCE) is None
