"""Hides secrets in what a program says: raw, base64 (in each alignment), URL-encoded and JSON-escaped.

This catches accidents, not intent: a program that reverses or splits a secret gets it out. Values shorter than
four bytes are no secrets and would blank out half of a log.
"""

from __future__ import annotations

from . import lean_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MASK = "***"
SHORTEST_VALUE = 4
"""Bytes; a shorter value is left as it is."""
_SHORTEST_CORE = 6
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


class Masker:
    """Replaces what must not be shown. Without secrets it costs nothing."""

    __slots__ = ("_expression", "longest")

    def __init__(self, secrets: Iterable[str]) -> None:
        patterns = {pattern for secret in secrets for pattern in _forms(secret)}
        self.longest = max(map(len, patterns), default=0)
        self._expression: Any = None
        if patterns:
            import re  # only an attempt with secrets pays for it

            # Longest first: an alternation takes the first that fits, and a shorter form may begin a longer one. By
            # first bytes, so that the hundreds of forms of a key file are not all tried at every byte of a log.
            endings: dict[bytes, list[bytes]] = {}
            for pattern in sorted(patterns, key=lambda pattern: (-len(pattern), pattern)):
                endings.setdefault(pattern[:1], []).append(re.escape(pattern[1:]))
            groups = (re.escape(first) + b"(?:" + b"|".join(rest) + b")" for first, rest in endings.items())
            self._expression = re.compile(b"|".join(groups))

    def mask(self, data: bytes) -> bytes:
        """The data with each secret replaced."""
        return self._expression.sub(MASK.encode(), data) if self._expression else data

    def safe_length(self, data: bytes) -> int:
        """How much of the data's beginning can be masked now: no secret crosses from there into what comes later."""
        length = max(0, len(data) - max(0, self.longest - 1))
        if self._expression:
            for match in self._expression.finditer(data):
                if match.start() >= length:
                    break
                length = max(length, match.end())
        return length

    def mask_text(self, text: str) -> str:
        """The text with each secret replaced."""
        if not self._expression:
            return text
        return self.mask(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def mask_value(self, value: Any) -> Any:
        """The JSON value with each secret replaced, in keys, strings and numbers."""
        if not self._expression:
            return value
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, dict):
            return {self.mask_text(key): self.mask_value(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self.mask_value(entry) for entry in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            text = lean_json.dumps(value)
            return value if self.mask_text(text) == text else MASK
        return value


def _forms(secret: str) -> Iterator[bytes]:
    values = {secret, secret.strip()}
    # A key file is printed line by line as often as whole.
    values.update(line.strip() for line in secret.splitlines())
    for value in values:
        data = value.encode("utf-8", "surrogateescape")
        if len(data) < SHORTEST_VALUE:
            continue
        yield data
        yield from _base64_forms(data)
        yield from _url_forms(data)
        yield from _json_forms(value)


def _base64_forms(data: bytes) -> Iterator[bytes]:
    from binascii import b2a_base64

    for shift in range(3):
        encoded = b2a_base64(b"\0" * shift + data, newline=False)
        # The first and the last characters also carry bits of the neighbours, so only the core is certain.
        first = (shift * 8 + 5) // 6
        last = (shift + len(data)) * 8 // 6
        core = encoded[first:last]
        if shift == 0:
            yield encoded.rstrip(b"=") if len(core) < _SHORTEST_CORE else encoded
        if len(core) >= _SHORTEST_CORE:
            yield core
            yield core.replace(b"+", b"-").replace(b"/", b"_")


def _url_forms(data: bytes) -> Iterator[bytes]:
    for pattern in ("%%%02X", "%%%02x"):
        quoted = b"".join(bytes([byte]) if byte in _UNRESERVED else (pattern % byte).encode() for byte in data)
        yield quoted
        yield quoted.replace(b"%20", b"+")
        yield quoted.replace(b"%2F", b"/").replace(b"%2f", b"/")


def _json_forms(value: str) -> Iterator[bytes]:
    plain = lean_json.dumps(value)[1:-1]
    yield plain.encode("utf-8", "surrogateescape")
    if not plain.isascii():
        units = memoryview(plain.encode("utf-16-le", "surrogatepass")).cast("H")
        yield "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units).encode()
