"""The ends of logs that are kept with a run."""

from __future__ import annotations

import json
import random
from base64 import b64decode
from typing import Any

import pytest

from penstock.adapters.kube.log_ends import (
    END_LIMIT,
    INDEX,
    RUN_LIMIT,
    KeptEnd,
    LogEnd,
    RunEnds,
    config_map,
    find,
)
from penstock.engine.model import AttemptId
from tests.unit.adapters.kube.samples import a_live_run

AT = AttemptId("charge", 1)


def kept(*chunks: bytes) -> KeptEnd:
    end = LogEnd()
    for chunk in chunks:
        end.feed(chunk)
    return end.close()


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("chunk", [1, 1000, 100_000, 300_000])
def test_of_a_long_log_the_end_is_kept_and_all_of_it_counted(chunk: int):
    log = b"".join(b"line %06d\n" % number for number in range(25_000))
    end = kept(*(log[start : start + chunk] for start in range(0, len(log), chunk)))

    assert (end.total, end.data()) == (len(log), log[-END_LIMIT:])


def test_records_are_neither_kept_nor_counted():
    end = kept(b'one\n\x1ePENSTOCK-PROGRESS/1 0 {"message": "x"}\ntwo\n', b"\x1ePENSTOCK/1 0 {}\n")

    assert (end.total, end.data()) == (8, b"one\ntwo\n")


def test_a_silent_attempt_is_known_to_have_been_silent():
    end = kept()

    assert (end.total, end.packed, end.data()) == (0, b"", b"")


def test_equal_ends_are_equal_bytes():
    assert kept(b"one\n").packed == kept(b"one\n").packed


@pytest.mark.parametrize(
    "packed", [b"not gzip", KeptEnd(5, kept(b"too long\n").packed).packed, kept(b"x" * 50).packed[:-9]]
)
def test_what_was_not_packed_by_us_is_not_unpacked(packed: bytes):
    with pytest.raises(ValueError, match=r"longer|header|incorrect|stored"):
        KeptEnd(5, packed).data()


def test_where_there_is_not_room_for_all_what_failed_and_what_is_newest_stays():
    ends = RunEnds(limit=400_000)
    for number in range(1, 11):
        ends.put(AttemptId("charge", number), kept(noise(END_LIMIT, number)), failed=number in (1, 2))

    assert sorted(attempt.attempt for attempt in ends.kept) == [1, 2, 7, 8, 9, 10]
    assert ends.cost <= 400_000
    assert AttemptId("charge", 3) in ends


def test_failures_alone_make_room_for_newer_ones():
    ends = RunEnds(limit=200_000)
    for number in range(1, 6):
        ends.put(AttemptId("charge", number), kept(noise(END_LIMIT, number)), failed=True)

    assert max(attempt.attempt for attempt in ends.kept) == 5
    assert min(attempt.attempt for attempt in ends.kept) > 1


def test_many_small_ends_do_not_outgrow_the_limit_either():
    ends = RunEnds()
    for number in range(20_000):
        ends.put(AttemptId("charge", 1, number), kept(b"one\n"), failed=False)
    made = config_map(a_live_run(), ends.kept)

    assert (
        sum(len(key) + len(b64decode(value)) for key, value in made["binaryData"].items()) + len(made["data"][INDEX])
        <= RUN_LIMIT
    )


def test_the_first_word_on_an_attempt_counts():
    ends = RunEnds()
    ends.put(AT, kept(b"first\n"), failed=False)
    ends.put(AT, kept(b"second\n"), failed=True)

    assert ends.kept[AT].data() == b"first\n"


def test_what_is_kept_is_found_again_by_its_attempt():
    batch = AttemptId("charge", 1, 7)
    made: dict[str, Any] = config_map(
        a_live_run(), {AT: kept(b"one\n"), batch: kept(b"seven\n"), AttemptId("b", 2): kept()}
    )
    data, binary = made["data"], made["binaryData"]

    found = [find(data, binary, attempt) for attempt in (AT, batch, AttemptId("b", 2))]
    assert [end and (end.total, end.data()) for end in found] == [(4, b"one\n"), (6, b"seven\n"), (0, b"")]
    assert find(data, binary, AttemptId("charge", 2)) is None
    assert find({INDEX: "no JSON"}, binary, AT) is None
    assert json.loads(data[INDEX]) == {"charge.1": 4, "charge.7.1": 6, "b.2": 0}


def test_it_belongs_to_its_run_and_cannot_be_changed():
    made = config_map(a_live_run(), {AT: kept(b"one\n")})

    assert made["immutable"] is True
    assert made["metadata"]["labels"]["penstock.dev/run"] == "order-1"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "run-uid"
