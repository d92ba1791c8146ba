"""JSON at a tenth of the start-up cost of the `json` package.

`import json` takes about 5 ms, most of it `re`, which only its indentation and error messages need. Its C core is
used here directly; whenever that is missing or refuses a text, the `json` package does the work and words the error.
Strict on both sides: no NaN, no Infinity, no lone surrogates in what is written.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

try:
    import _json
except ImportError:
    _json = None  # type: ignore[assignment]  # an interpreter without the C core

_WHITESPACE = " \t\n\r"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Settings:
    """What the C scanner reads from its argument."""

    strict = True
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str]

    def __init__(self, object_hook: Callable[[dict[str, Any]], Any] | None) -> None:
        self.object_hook = object_hook
        self.memo = {}


def loads(text: str, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse one JSON text; `ValueError` says what is wrong, `RecursionError` that it is nested too deeply."""
    if _json is not None:
        start, end = 0, len(text)
        while start < end and text[start] in _WHITESPACE:
            start += 1
        try:
            value, position = _json.make_scanner(_Settings(object_hook))(text, start)  # type: ignore[arg-type]  # any such object will do
        except (ValueError, StopIteration, SystemError):
            pass  # the package below finds the same error and words it
        else:
            if not text[position:].strip(_WHITESPACE):
                return value
    import json

    return json.loads(text, object_hook=object_hook, parse_constant=_refuse_constant)


def dumps(value: Any) -> str:
    """Compact JSON, not escaped beyond need; `TypeError` or `ValueError` for what JSON cannot hold."""
    if _json is None:
        import json

        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    encode = _json.make_encoder({}, _refuse_value, _json.encode_basestring, None, ":", ",", False, False, False)
    chunks: Iterable[str] = encode(value, 0)
    return "".join(chunks)


def _refuse_value(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is not something that JSON can hold")
