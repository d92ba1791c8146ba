"""The CEL library, loaded when it is first needed and without what it drags in.

Its package imports a command line (rich, prompt_toolkit, pygments: half a second) before the one extension module that
does the work; this loads the extension alone, under its own name, so that importing the package later finds it there.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from typing import Any

_PACKAGE = "cel"
_EXTENSION = "cel.cel"


def load_cel() -> Any:
    """The extension module with `compile`. Raises ImportError where the library is not installed."""
    loaded = sys.modules.get(_EXTENSION)
    if loaded is not None:
        return loaded
    spec = _extension_spec()
    if spec is None or spec.loader is None:
        # Another layout than the one known here: slower, but it works.
        return importlib.import_module(_PACKAGE)
    module = importlib.util.module_from_spec(spec)
    # Before it runs: a second copy in one process panics, for it sets up its logging once.
    sys.modules[_EXTENSION] = module
    spec.loader.exec_module(module)
    return module


def _extension_spec() -> importlib.machinery.ModuleSpec | None:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.submodule_search_locations is None:
        return None
    return importlib.machinery.PathFinder.find_spec(_EXTENSION, list(package.submodule_search_locations))
