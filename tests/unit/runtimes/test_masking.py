"""Secrets disappear from what a program says, in every usual spelling."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_runtimes.harness.masking import MASK, Masker

SECRET = 'hunter2/Ü +"x\\y'


def as_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(SECRET, id="raw"),
        pytest.param(urllib.parse.quote(SECRET), id="URL path"),
        pytest.param(urllib.parse.quote(SECRET, safe=""), id="URL component"),
        pytest.param(urllib.parse.quote_plus(SECRET), id="form"),
        pytest.param(urllib.parse.quote(SECRET, safe="").lower().replace("ü", "Ü"), id="lower-case URL"),
        pytest.param(json.dumps(SECRET)[1:-1], id="JSON in ASCII"),
        pytest.param(json.dumps(SECRET, ensure_ascii=False)[1:-1], id="JSON in UTF-8"),
        pytest.param(as_base64(SECRET), id="base64"),
        pytest.param(base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="), id="base64 for URLs"),
    ],
)
def test_each_spelling_is_masked(spelling: str):
    masked = Masker([SECRET]).mask(f"<{spelling}>".encode()).decode()

    assert MASK in masked
    assert len(masked) <= len(f"<{MASK}>") + 2  # base64 leaves at most what it shares with its neighbours


@given(st.text(min_size=8, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_masked_in_every_alignment(secret: str, before: bytes, after: bytes):
    encoded = base64.b64encode(before + secret.encode() + after)

    masked = Masker([secret]).mask(encoded)

    assert masked != encoded
    # What is left carries no whole run of the secret's inner characters.
    core = secret.encode()[2:-2]
    assert len(core) < 3 or core not in b"".join(_decodable(piece) for piece in masked.split(MASK.encode()))


def _decodable(piece: bytes) -> bytes:
    return base64.b64decode(piece[: len(piece) // 4 * 4]) if piece else b""


def test_the_lines_of_a_key_are_masked_one_by_one():
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n"

    assert Masker([key]).mask(b"  line: ijklmnop!") == b"  line: ***!"


def test_the_longest_form_is_masked_first():
    assert Masker(["secret", "secret-longer"]).mask(b"secret-longer") == b"***"


def test_a_value_too_short_to_be_a_secret_is_left():
    assert Masker(["1", "abc"]).mask(b"1 abc") == b"1 abc"


def test_without_secrets_nothing_changes():
    masker = Masker([])

    assert masker.mask(b"a\x00\xff") == b"a\x00\xff"
    assert masker.mask_value({"a": 1}) == {"a": 1}


def test_values_are_masked_in_strings_keys_and_numbers():
    value = {"a": ["my s3cret!", {"s3cret": 1}], "pin": 20240101, "flag": True, "none": None, "ratio": 1.5}

    masked = Masker(["s3cret", "20240101"]).mask_value(value)

    assert masked == {"a": ["my ***!", {"***": 1}], "pin": "***", "flag": True, "none": None, "ratio": 1.5}


def test_the_beginning_of_a_secret_waits_for_its_end():
    masker = Masker(["abcabc"])

    assert b"xxabc"[: masker.safe_length(b"xxabc")] in (b"", b"x", b"xx")


@given(st.data())
def test_a_cut_at_the_safe_length_never_splits_a_secret(data: st.DataObject):
    masker = Masker(["abcabc", "cabx"])
    so_far = data.draw(st.text("abcx", max_size=40)).encode()
    text = so_far + data.draw(st.sampled_from([b"", b"abc", b"bcabx"]))
    length = masker.safe_length(so_far)

    pieces = masker.mask(text[:length]) + masker.mask(text[length:])

    assert pieces == masker.mask(text)


def test_every_line_of_a_large_key_is_found():
    lines = [f"line-{number:04d}-{'k' * 50}" for number in range(300)]

    masked = Masker(["\n".join(lines)]).mask(f"<{lines[0]}> <{lines[299]}> line".encode())

    assert masked == b"<***> <***> line"
