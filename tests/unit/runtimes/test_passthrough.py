"""The program's output on its way to the log: lines, limit, masks, tails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_runtimes.harness.masking import Masker
from penstock_runtimes.harness.passthrough import TRUNCATED, Log, Relay, as_text, last_lines, shorten
from penstock_runtimes.harness.protocol import LINE_LIMIT, LINE_OVERHEAD, LOG_LIMIT


class Written:
    """A log and what reached it."""

    def __init__(self) -> None:
        self.data = b""
        self.log = Log(self._write)

    def _write(self, data: bytes) -> None:
        self.data += data

    def relay(self, *secrets: str, tail: int = 1000) -> Relay:
        return Relay(self.log, Masker(secrets), tail)


def test_a_line_waits_for_its_end():
    written = Written()
    relay = written.relay()

    relay.feed(b"one\ntw")
    assert written.data == b"one\n"

    relay.feed(b"o\n")
    assert written.data == b"one\ntwo\n"


def test_an_unfinished_line_comes_at_the_close():
    written = Written()
    relay = written.relay()
    relay.feed(b"half")
    relay.close()

    assert written.data == b"half"


def test_lines_of_two_streams_do_not_mix():
    written = Written()
    first, second = written.relay(), written.relay()
    long_line = b"x" * (LINE_LIMIT + 1)
    first.feed(long_line)
    second.feed(b"other\n")
    first.feed(b"rest\n")

    assert [line.strip(b"x") for line in written.data.split(b"\n")] == [b"", b"other", b"rest", b""]


def test_a_record_stands_on_a_line_of_its_own():
    written = Written()
    relay = written.relay()
    relay.feed(b"no newline")
    relay.close()
    written.log.record(b"RECORD\n")

    assert written.data == b"no newline\nRECORD\n"


def test_bytes_that_are_no_text_pass():
    written = Written()
    written.relay().feed(b"\x00\xff\xfe\n")

    assert written.data == b"\x00\xff\xfe\n"


@given(st.lists(st.integers(1, 40), max_size=20))
def test_a_secret_is_masked_however_the_reads_cut_it(sizes: list[int]):
    text = b"a s3cret-value b\nno end s3cret-value"
    written = Written()
    relay = written.relay("s3cret-value")
    position = 0
    for size in sizes:
        relay.feed(text[position : position + size])
        position += size
    relay.feed(text[position:])
    relay.close()

    assert written.data == b"a *** b\nno end ***"


def test_a_secret_is_masked_where_a_long_line_is_cut():
    written = Written()
    relay = written.relay("s3cret-value")
    relay.feed(b"x" * (LINE_LIMIT - 5) + b"s3cret-value" + b"y" * 20)
    relay.feed(b"z" * LINE_LIMIT + b"\n")

    assert b"s3cret" not in written.data
    assert written.data.count(b"***") == 1


def test_the_log_ends_with_a_marker_at_its_limit():
    written = Written()
    relay = written.relay()
    line = b"x" * 99 + b"\n"
    for _ in range(LOG_LIMIT // len(line) // 1000 + 1):
        relay.feed(line * 1000)

    lines = (len(written.data) - len(TRUNCATED)) // len(line)
    assert written.data.endswith(b"\n" + TRUNCATED)
    assert written.data.count(TRUNCATED) == 1
    assert lines == LOG_LIMIT // (len(line) + LINE_OVERHEAD)


def test_empty_lines_count_too():
    written = Written()
    written.relay().feed(b"\n" * LOG_LIMIT)

    assert len(written.data) < LOG_LIMIT // LINE_OVERHEAD
    assert written.data.endswith(TRUNCATED)


def test_records_pass_a_full_log():
    written = Written()
    written.relay().feed(b"x\n" * LOG_LIMIT)
    written.log.record(b"RECORD\n")

    assert written.data.endswith(TRUNCATED + b"RECORD\n")


def test_the_tail_is_masked_and_kept_beyond_the_limit():
    written = Written()
    relay = written.relay("s3cret", tail=10)
    relay.feed(b"x\n" * LOG_LIMIT)
    relay.feed(b"the s3cret\n")

    assert relay.tail() == b"x\nthe ***\n"[-10:]


@pytest.mark.parametrize(
    ("data", "want"),
    [
        pytest.param(b"a\n\n  \nb\n", "a\nb", id="blank lines are skipped"),
        pytest.param(b"1\n2\n3\n4\n5\n6\n7\n", "3\n4\n5\n6\n7", id="the last five"),
        pytest.param(b"top\n  a\n  b\n  c\n  d\nlast\n", "last", id="no half of an indented block"),
        pytest.param(b"top\n  a\nlast\n", "top\n  a\nlast", id="a whole one"),
        pytest.param(b"  a\n  b\n", "  a\n  b", id="nothing but indented lines"),
        pytest.param(b"x" * 30 + b"\nshort\n", "short", id="what does not fit is left out"),
        pytest.param(b"y" * 30, "y" * 17 + "…", id="a long last line is cut"),
        pytest.param(b"\xff\n", "\ufffd", id="no text"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_the_last_lines_make_a_reason(data: bytes, want: str):
    assert last_lines(data, 5, 20) == want


def test_a_text_is_cut_between_characters():
    assert shorten("ééééé", 8) == "éé…"


@given(st.binary(max_size=300))
def test_a_captured_text_fits_its_limit_as_json(data: bytes):
    import json

    text = as_text(data, 50)

    assert len(json.dumps(text, ensure_ascii=False).encode()) <= 52
    assert data.decode("utf-8", "replace").endswith(text) or not text
