"""Works out expressions in a process of its own: one line of JSON in, one line of JSON out, until the input ends.

The CEL library has no limits of its own and keeps the interpreter's lock, so whoever starts this kills it in time.
Loads nothing but the library's one extension, whose file is the argument.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import math
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEMORY = 256 * 1024 * 1024
"""Bytes that an expression may take."""


def main(extension: str) -> None:
    """Answer until nobody asks."""
    library = _loaded(extension)
    _confine()
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(_answer(library, asked["expression"], asked["variables"])) + "\n")
        sys.stdout.flush()


def _loaded(file: str) -> Any:
    # Under the name that it was built with: its package would load a whole command line first.
    loader = importlib.machinery.ExtensionFileLoader("cel.cel", file)
    spec = importlib.util.spec_from_file_location("cel.cel", file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cel.cel"] = module
    loader.exec_module(module)
    return module


def _confine() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(library: Any, expression: str, variables: dict[str, Any]) -> dict[str, Any]:
    try:
        value = library.compile(expression).execute(variables)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  a panic of the library is no Exception
        return {"error": " ".join(str(error).split())[:300] or type(error).__name__}
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return {"value": value}
    return {"error": f"it comes to a {type(value).__name__}, and a rule to text, a number, true, false or null"}


if __name__ == "__main__":
    main(sys.argv[1])
