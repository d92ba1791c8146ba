"""Reads and checks the input document: where it comes from, its digest, its shape.

Says what is wrong with `AttemptFailed`; starts nothing and writes nothing.
"""

from __future__ import annotations

import os

from . import lean_json
from .protocol import INPUT_INVALID, INPUT_LIMIT, INPUT_MISMATCH, MOST_ITEMS, VERSION, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PART = "part-"
_VARIABLE = "env:"
_LENGTH_DIGITS = 8
_RUNTIME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class InputDocument:
    """All that an attempt runs, as written by whoever started the harness."""

    __slots__ = (
        "attempt",
        "capture",
        "context",
        "dependencies",
        "idempotency_key",
        "item",
        "item_index",
        "items",
        "nonce",
        "run",
        "runtime",
        "secret_env",
        "source",
        "step",
        "steps",
        "timeout_seconds",
    )

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.nonce: str = _field(fields, "nonce", str)
        if _field(fields, "version", int) != VERSION:
            raise AttemptFailed(
                INPUT_INVALID,
                f"the input document has version {fields['version']}; this harness reads version {VERSION}. "
                "Use a runtime image of the same release as the operator.",
            )
        self.runtime: str = _field(fields, "runtime", str)
        self.source: str = _field(fields, "source", str)
        self.dependencies: list[str] = _texts(fields, "dependencies")
        self.context: dict[str, Any] = _field(fields, "context", dict, {})
        self.steps: dict[str, Any] = _field(fields, "steps", dict, {})
        self.item: Any = fields.get("item")
        self.item_index: int | None = None
        self.items: list[tuple[int, Any]] | None = _items(fields)
        self.run: dict[str, Any] = _field(fields, "run", dict, {})
        self.step: str = _field(fields, "step", str)
        self.attempt: int = _field(fields, "attempt", int, 1)
        self.idempotency_key: str = _field(fields, "idempotencyKey", str, "")
        self.timeout_seconds: float | None = _seconds(fields)
        self.capture: bool = _field(fields, "capture", bool, False)
        self.secret_env: list[str] = _texts(fields, "secretEnv")
        if self.items is not None and self.capture:
            raise AttemptFailed(INPUT_INVALID, "`capture` goes with one program, not with `items`")
        if not self.runtime or not set(self.runtime) <= _RUNTIME_CHARACTERS:
            raise AttemptFailed(INPUT_INVALID, "`runtime` must be lower-case letters, digits and hyphens")

    def of_item(self, index: int, value: Any) -> InputDocument:
        """The document of one item's program."""
        one = InputDocument.__new__(InputDocument)
        for name in InputDocument.__slots__:
            setattr(one, name, getattr(self, name))
        one.item, one.item_index, one.items = value, index, None
        one.idempotency_key = f"{self.idempotency_key}/{index}"
        return one


def read(settings: Mapping[str, str]) -> bytes:
    """The bytes that PENSTOCK_INPUT names: a file, a folder of parts, `env:NAME`, or `-` for standard input."""
    place = settings.get("PENSTOCK_INPUT", "")
    if not place:
        raise AttemptFailed(INPUT_INVALID, "PENSTOCK_INPUT is not set; give a file, a folder of parts, env:NAME, or -")
    if place.startswith(_VARIABLE):
        return _read_variable(place[len(_VARIABLE) :], settings)
    try:
        if place == "-":
            return _read_standard_input()
        if os.path.isdir(place):
            return _read_parts(place)
        return _read_files([place])
    except OSError as error:
        raise AttemptFailed(INPUT_INVALID, f"cannot read the input document at {place}: {error.strerror}") from error


def check_digest(data: bytes, settings: Mapping[str, str]) -> None:
    """Compare with PENSTOCK_INPUT_SHA256, which stands where nobody can edit it, when it is set."""
    want = settings.get("PENSTOCK_INPUT_SHA256", "").strip().lower()
    if not want:
        return
    have = _sha256(data)
    if have != want:
        raise AttemptFailed(
            INPUT_MISMATCH,
            f"the input document was changed after the attempt was fixed: its SHA-256 is {have}, expected {want}. "
            "Nothing was run.",
        )


def parse(data: bytes) -> InputDocument:
    """The document in these bytes."""
    try:
        fields = lean_json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise AttemptFailed(INPUT_INVALID, f"the input document is not JSON in UTF-8: {error}") from error
    if not isinstance(fields, dict):
        raise AttemptFailed(INPUT_INVALID, "the input document must be a JSON object")
    return InputDocument(fields)


def find_nonce(data: bytes) -> str:
    """The nonce of a document that was refused, so that the refusal still reaches its reader; `-` without one."""
    try:
        nonce = lean_json.loads(data.decode())["nonce"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return "-"
    return nonce if isinstance(nonce, str) and nonce.isalnum() and nonce.isascii() else "-"


def _read_variable(name: str, settings: Mapping[str, str]) -> bytes:
    # The prefix is what keeps the variable from the program.
    if not name.startswith("PENSTOCK_"):
        raise AttemptFailed(INPUT_INVALID, f"{name} cannot hold the input document; its name must begin with PENSTOCK_")
    if name not in settings:
        raise AttemptFailed(INPUT_INVALID, f"{name}, which should hold the input document, is not set")
    return os.fsencode(settings[name])


def _read_standard_input() -> bytes:
    head = _read_exactly(_LENGTH_DIGITS + 1)
    try:
        length = int(head[:_LENGTH_DIGITS], 16)
    except ValueError:
        length = -1
    if length < 0 or head[_LENGTH_DIGITS:] != b"\n":
        raise AttemptFailed(INPUT_INVALID, "standard input must begin with 8 hex digits (the length) and a newline")
    _check_size(length)
    return _read_exactly(length)


def _read_exactly(length: int) -> bytes:
    chunks = []
    missing = length
    while missing:
        chunk = os.read(0, missing)
        if not chunk:
            raise AttemptFailed(INPUT_INVALID, f"standard input ended {missing} bytes before the document did")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def _read_parts(folder: str) -> bytes:
    # A mounted ConfigMap also holds entries of the kubelet's own (`..data`), so only the parts are taken.
    names = sorted(name for name in os.listdir(folder) if name.startswith(_PART))
    want = [f"{_PART}{number:03d}" for number in range(len(names))]
    if not names or names != want:
        raise AttemptFailed(INPUT_INVALID, f"{folder} must hold part-000, part-001 and so on; it holds {names[:5]}")
    return _read_files([os.path.join(folder, name) for name in names])


def _read_files(paths: list[str]) -> bytes:
    chunks = []
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            chunks.append(file.read(INPUT_LIMIT + 1))
        _check_size(sum(map(len, chunks)))
    return b"".join(chunks)


def _check_size(length: int) -> None:
    if length > INPUT_LIMIT:
        raise AttemptFailed(INPUT_INVALID, f"the input document has more than {INPUT_LIMIT} bytes")


def _sha256(data: bytes) -> str:
    # `hashlib` loads OpenSSL, which a fresh container reads from disk first; the built-in digests do not.
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]  # Python 3.11
        except ImportError:
            from hashlib import sha256
    return str(sha256(data).hexdigest())


def _field(fields: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = fields.get(name)
    if value is None:
        value = default
    # bool is an int in Python; `"version": true` must not pass.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AttemptFailed(INPUT_INVALID, f"`{name}` of the input document must be of type {kind.__name__}")
    return value


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    values: list[str] = _field(fields, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise AttemptFailed(INPUT_INVALID, f"`{name}` of the input document must hold strings")
    return values


def _items(fields: Mapping[str, Any]) -> list[tuple[int, Any]] | None:
    entries = fields.get("items")
    if entries is None:
        return None
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_ITEMS:
        raise AttemptFailed(INPUT_INVALID, f"`items` of the input document must hold 1 to {MOST_ITEMS} items")
    items = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("value") is None:
            raise AttemptFailed(INPUT_INVALID, "each of `items` must be an object with `index` and `value`")
        items.append((_field(entry, "index", int), entry["value"]))
    return items


def _seconds(fields: Mapping[str, Any]) -> float | None:
    value = fields.get("timeoutSeconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise AttemptFailed(INPUT_INVALID, "`timeoutSeconds` of the input document must be a positive number or null")
    return float(value)
