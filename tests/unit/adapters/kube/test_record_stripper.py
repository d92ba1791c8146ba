from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.kube.record_stripper import RecordStripper

LOG = (
    b"first\n"
    b'\x1ePENSTOCK-PROGRESS/1 0123 {"message": "half"}\n'
    b"second \x1ePENSTOCK in the middle of a line\n"
    b"\x1eanother mark\n"
    b"no end of line"
)
CLEAN = b"first\nsecond \x1ePENSTOCK in the middle of a line\n\x1eanother mark\nno end of line"


@given(st.lists(st.integers(0, len(LOG)), max_size=6))
def test_records_are_taken_out_however_the_log_is_cut(cuts: list[int]):
    places = [0, *sorted(cuts), len(LOG)]
    stripper = RecordStripper()

    clean = b"".join(stripper.feed(LOG[start:end]) for start, end in pairwise(places))

    assert clean + stripper.close() == CLEAN
    assert (stripper.count, stripper.saw_result) == (len(CLEAN), False)


def test_a_record_at_the_very_end_is_taken_out_too():
    stripper = RecordStripper()

    assert stripper.feed(b"done\n\x1ePENSTOCK/1 0123 {}") + stripper.close() == b"done\n"
    assert stripper.saw_result


def test_output_is_not_held_back():
    assert RecordStripper().feed(b"still going") == b"still going"
