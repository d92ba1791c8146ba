"""Canonical JSON and the digests over it: what a gate binds and what an attempt runs.

The form is RFC 8785 on a restricted profile: keys sorted by UTF-16 unit, no NaN, no lone surrogates. Floats are kept as
Python prints them, which is the shortest form that reads back; 1.0 and 1 differ, as they do for the program that runs.
Digests carry their scheme, so a change of scheme can never make two meanings equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ATTEMPT_SCHEME = "penstock-attempt/v1"
APPROVAL_SCHEME = "penstock-approval/v1"
REVISION_SCHEME = "penstock-revision/v1"
CACHE_SCHEME = "penstock-cache/v1"
OUTPUT_SCHEME = "penstock-output/v1"
DISCOVERY_SCHEME = "penstock-discovery/v1"
ITEMS_SCHEME = "penstock-items/v1"

_WHOLE = 2**63
"""Whole numbers from here on are floats for an API server (sigs.k8s.io/json keeps int64)."""
_DIGITS = 1e21
"""Floats from here on are written with an exponent, as encoding/json of Go does."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """The one byte string that stands for a JSON value. Raises ValueError for what JSON cannot say."""
    return _encode(_sorted(value)).encode("utf-8")


def size_of(value: Any) -> int:
    """Bytes of a value as plain JSON: about those of its canonical form, and found much faster. Raises ValueError."""
    return len(_encode(value).encode("utf-8"))


def digest(scheme: str, value: Any) -> str:
    """`sha256:<hex>` over the scheme and the canonical form of `value`."""
    return digest_of(scheme, canonical(value))


def digest_of(scheme: str, text: bytes) -> str:
    """The digest of a value whose canonical form is `text`."""
    return "sha256:" + hashlib.sha256(scheme.encode() + b"\n" + text).hexdigest()


def _sorted(value: Any) -> Any:
    # By the exact type first, for what is asked of an abstract class takes longer than all the rest.
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and -_WHOLE <= value < _WHOLE:
        return value
    if kind is dict or isinstance(value, Mapping):
        # In ASCII, which nearly all keys are, every order is the same.
        order = None if all(map(str.isascii, value)) else _utf16
        return {key: _sorted(value[key]) for key in sorted(value, key=order)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return value


def _number(value: float) -> int | float:
    """The number as it comes back from an API server: `1.0` as `1`, whole numbers over 64 bits as floats.

    Without this, what was hashed before a write would not be what is hashed after it. Raises ValueError for numbers
    that no float can hold.
    """
    if isinstance(value, int):
        if -_WHOLE <= value < _WHOLE:
            return value
        try:
            value = float(value)
        except OverflowError as error:
            raise ValueError("a number is too large for JSON") from error
    return int(value) if value.is_integer() and abs(value) < _DIGITS else value


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
