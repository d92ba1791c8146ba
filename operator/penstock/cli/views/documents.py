"""Objects and values as text: JSON and YAML for programs, a framed listing for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.application.safe_text import harmless, harmless_block

_INDENT = "  "
_MARGIN = "| "
"""Before every line of a text, so that no line of it can pass for a line of the listing."""


def as_json(value: Any) -> str:
    """Indented JSON; characters that are not plainly visible are escaped, which JSON reads back as they were."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _json_escape(char) for char in text)


def as_yaml(value: Any) -> str:
    """YAML, keys in their own order; all but ASCII is escaped where something not plainly visible is among it."""
    import yaml

    dumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    plain = json.dumps(value, ensure_ascii=False).isprintable()
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=plain, width=120)
    return text.removesuffix("\n").removesuffix("\n...")


def listing(value: Any, indent: str = "") -> Iterator[str]:
    """A JSON value as lines for people, complete and without a second reading.

    Texts of several lines stand as blocks, every line behind a margin; all other texts are quoted.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{harmless(str(key))}:", item, indent)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _entry("-", item, indent)
    elif isinstance(value, str) and "\n" in value:
        yield from text_block(value, indent)
    else:
        yield indent + scalar(value)


def text_block(text: str, indent: str = "") -> Iterator[str]:
    """A text of several lines behind a margin."""
    for line in harmless_block(text).removesuffix("\n").split("\n"):
        yield f"{indent}{_MARGIN}{_with_its_end(line)}" if line else f"{indent}{_MARGIN}".rstrip()


def _with_its_end(line: str) -> str:
    """The line; white space at its end, which nobody sees and a shell may read, is written as `<U+0020>`."""
    return line if line == line.rstrip() else f"{line[:-1]}<U+{ord(line[-1]):04X}>"


def scalar(value: Any) -> str:
    """One value on one line, as JSON."""
    return harmless(json.dumps(value, ensure_ascii=False))


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    empty = isinstance(value, Mapping | list | tuple) and not value
    nested = isinstance(value, Mapping | list | tuple) or (isinstance(value, str) and "\n" in value)
    if nested and not empty:
        yield indent + head
        yield from listing(value, indent + _INDENT)
    else:
        yield f"{indent}{head} {scalar(value)}"


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
