from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from penstock.application.api_keys import RANDOM_BYTES, ApiKey, Wish, find_key, from_record, make_key, to_record
from penstock.errors import InvalidInput

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WISH = Wish("robot:ci", ("runs:read",), 30, ("devs",))


def a_key(seed: int = 0, wish: Wish = WISH) -> tuple[ApiKey, str]:
    return make_key(wish, random=bytes((seed + n) % 256 for n in range(RANDOM_BYTES)), now=NOON, by="ann")


def test_a_key_is_found_by_itself_and_by_nothing_else():
    key, text = a_key()
    other, other_text = a_key(9)
    keys = {key.id: key, other.id: other}
    assert find_key(text, keys) == key
    assert find_key(other_text, keys) == other
    assert find_key(text, {other.id: other}) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text.upper(),
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text.replace("pstk_", "PSTK_"),
        lambda text: text.rpartition("_")[0] + "_" + "A" * 43,
        lambda text: "",
        lambda text: "pstk_é",
    ],
)
def test_what_is_not_quite_a_key_is_none(change):
    key, text = a_key()
    assert find_key(change(text), {key.id: key}) is None


def test_the_secret_of_one_key_opens_no_other():
    key, text = a_key()
    other, _ = a_key(9)
    swapped = f"pstk_{other.id}_{text.rpartition('_')[2]}"
    assert find_key(swapped, {key.id: key, other.id: other}) is None


def test_a_key_opens_until_its_last_moment():
    key, _ = a_key()
    assert key.holds(NOON)
    assert key.holds(NOON + timedelta(days=30) - timedelta(seconds=1))
    assert not key.holds(NOON + timedelta(days=30))


def test_a_record_is_read_as_it_was_written():
    key, text = a_key()
    record = to_record(key)
    assert text.encode() not in record
    assert from_record(key.id, record) == key


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"scopes": ["approvals:decide"]},
        {"scopes": "runs:read"},
        {"expires_at": "2099-01-01T00:00:00"},
        {"expires_at": None},
        {"groups": None},
        {"owner": ...},
    ],
)
def test_a_record_that_was_tampered_with_opens_nothing(changes):
    key, _ = a_key()
    fields = {**json.loads(to_record(key)), **changes}
    fields = {name: value for name, value in fields.items() if value is not ...}
    with pytest.raises(InvalidInput):
        from_record(key.id, json.dumps(fields).encode())
