"""Whether a Connection allows what the other side brought up: a redirect. The step's own request the engine checked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_ODD = re.compile(r"//|\\|(^|/)\.{1,2}(/|$)|%2[eEfF]|%5[cC]|[\x00-\x20\x7f]")


def may(method: str, url: str, base: str, rules: Iterable[Mapping[str, Any]]) -> bool:
    """One of a Connection's rules fits a request to this address, which is below the Connection's own."""
    path, root = urlsplit(url).path or "/", urlsplit(base).path
    if _ODD.search(path) or not (path == root or path.startswith(f"{root}/")):
        return False
    below = path[len(root) :] or "/"
    return any(method in rule["methods"] and any(_fits(below, each) for each in rule["paths"]) for rule in rules)


def _fits(path: str, pattern: str) -> bool:
    """`*` stays within a part, `**` does not: as the engine reads it."""
    words = re.split(r"(/\*\*(?=/|$)|\*)", pattern)
    parts = ("(?:/[^/]*)*" if word == "/**" else "[^/]*" if word == "*" else re.escape(word) for word in words)
    return re.fullmatch("".join(parts), path) is not None
