"""The CustomResourceDefinitions that come with the package."""

from __future__ import annotations

from pathlib import Path

import penstock
from penstock.errors import BugError


def definitions() -> str:
    """All of them as one YAML stream."""
    package = Path(penstock.__file__).parent
    # In a checkout the generated files stand beside the packages, in a wheel inside of this one.
    for folder in (package / "crds", package.parents[1] / "crds"):
        files = sorted(folder.glob("*.yaml"))
        if files:
            return "---\n".join(file.read_text(encoding="utf-8").rstrip("\n") + "\n" for file in files).rstrip("\n")
    raise BugError("the CustomResourceDefinitions are missing from this installation")
