"""Names of fields, parameters and objects that follow from names of others. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

MAX_FIELD = 63
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
"""Words that CEL keeps for itself."""


class Names:
    """Hands out names, each of them once."""

    def __init__(self, taken: Iterable[str] = (), sayable: Callable[[str], bool] = lambda _: True) -> None:
        """`sayable`: whether a name can be written where it will stand; to one that cannot a `_` is put."""
        self._taken = set(taken)
        self._sayable = sayable

    def field(self, text: str) -> str:
        """A name for a field of the context: lower-case letters, digits and `_`."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _latin(text))
        name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
        if not name or not name[0].isalpha():
            name = f"field_{name}".rstrip("_")
        return self._free(name if name not in _RESERVED and self._sayable(name) else f"{name}_", "_", MAX_FIELD)

    def object(self, *parts: str) -> str:
        """A name for an object: lower-case letters, digits and `-`."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", _latin("-".join(parts)))
        name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
        return self._free(name or "unnamed", "-", MAX_FIELD)

    def _free(self, wanted: str, mark: str, most: int) -> str:
        name, number = wanted[:most].strip(mark if mark == "-" else ""), 1
        while name in self._taken:
            number += 1
            end = f"{mark}{number}"
            name = wanted[: most - len(end)] + end
        self._taken.add(name)
        return name


def _latin(text: str) -> str:
    """Letters without their marks: `Größe` is read as `Grosse`."""
    return "".join(each for each in unicodedata.normalize("NFKD", text.replace("ß", "ss")) if each.isascii())
