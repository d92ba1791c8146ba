"""Writes a generated page of docs/reference, or says that it is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def keep(name: str, text: str, description: str) -> int:
    """The exit code of a generator: writes the page, or with --check on the command line only compares it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when the page is stale")
    check = parser.parse_args(sys.argv[1:]).check
    page = REFERENCE / name
    if page.exists() and page.read_text("utf-8") == text:
        return 0
    print(f"{name} is stale" if check else f"writing {name}")
    if check:
        return 1
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, "utf-8")
    return 0
