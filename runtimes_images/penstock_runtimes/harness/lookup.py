"""`harness value PATH`: reads one value of the context for languages that have no JSON of their own.

Prints a string as it is and everything else as JSON; says on standard error what there is instead when there is no
such value.
"""

from __future__ import annotations

import sys

from . import lean_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MOST_NAMES = 20


def print_value(arguments: list[str], settings: Mapping[str, str]) -> int:
    """Print the value that a path such as `steps.charge.output.lines[0].sku` names; 1 when there is none."""
    if len(arguments) != 1:
        return _refuse("give one path, such as steps.charge.output.order_id")
    try:
        with open(settings["PENSTOCK_CONTEXT_FILE"], "rb") as file:
            value = lean_json.loads(file.read().decode())
        for key in parse_path(arguments[0]):
            value = _step_into(value, key, arguments[0])
    except KeyError:
        return _refuse("PENSTOCK_CONTEXT_FILE is not set; this works only inside a step")
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    text = value if isinstance(value, str) else lean_json.dumps(value)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    return 0


def parse_path(path: str) -> list[str | int]:
    """`a.b[0]["c d"]` as keys; `ValueError` when it is none."""
    keys: list[str | int] = []
    rest = path
    while rest:
        rest = rest.removeprefix(".")
        if rest.startswith('["'):
            key, end, rest = rest[2:].partition('"]')
            keys.append(key)
        elif rest.startswith("["):
            number, end, rest = rest[1:].partition("]")
            if not number.isdecimal():
                raise ValueError(f'{path}: write [0] for an item and ["name"] for a key')
            keys.append(int(number))
        else:
            length = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            end, key, rest = rest[:length], rest[:length], rest[length:]
            keys.append(key)
        if not end:
            raise ValueError(f"{path} is not a path such as charge.lines[0].sku")
    return keys


def _step_into(value: Any, key: str | int, path: str) -> Any:
    if isinstance(value, dict) and isinstance(key, str):
        if key in value:
            return value[key]
        names = ", ".join(sorted(value)[:_MOST_NAMES]) or "nothing"
        raise ValueError(f"{path}: there is no {key!r}; there is {names}")
    if isinstance(value, list) and isinstance(key, int):
        if key < len(value):
            return value[key]
        raise ValueError(f"{path}: the list has {len(value)} items")
    kind = {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(type(value), "a number")
    raise ValueError(f"{path}: cannot take {key!r} of {kind}")


def _refuse(message: str) -> int:
    print(f"penstock: {message}", file=sys.stderr)
    return 1
