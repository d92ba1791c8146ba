"""What a release needs beside its workflow: versions that agree, and images of the chart pinned by digest.

`python3 -m tools.release check 1.2.3` exits with 1 where the package or a chart says another version;
`python3 -m tools.release pin FOLDER values.yaml` writes the references of a folder (a file an image, named as in the
chart: operator, mcp, python, ...) into the values. Standard library only.
"""

from __future__ import annotations

import argparse
import re
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PLACES = {
    "operator/penstock/__init__.py": r'__version__ = "([^"]+)"',
    "charts/penstock/Chart.yaml": r"(?m)^version: (\S+)",
    "charts/penstock-crds/Chart.yaml": r"(?m)^version: (\S+)",
}
_PROGRAMS = ("operator", "mcp")
_REFERENCE = re.compile(r"[a-z0-9.-]+(:[0-9]+)?/[a-z0-9./_-]+@sha256:[0-9a-f]{64}")


def disagreements(version: str) -> list[str]:
    """Where another version is written, as sentences."""
    found = {place: re.search(pattern, (ROOT / place).read_text()) for place, pattern in _PLACES.items()}
    return [
        f"{place} says {match[1] if match else 'nothing'}, not {version}"
        for place, match in found.items()
        if match is None or match[1] != version
    ]


def pinned(values: str, references: dict[str, str]) -> str:
    """The chart's values with these images. Raises ValueError where one is no digest, or has no place there."""
    for name, reference in references.items():
        if not _REFERENCE.fullmatch(reference):
            raise ValueError(f"{name}: `{reference}` is no image by digest")
        before = rf'(?m)^(  {name}: )""$' if name in _PROGRAMS else rf'(?m)^(  {name}: {{image: )""(}})$'
        values, count = re.subn(before, partial(_with, reference), values)
        if count != 1:
            raise ValueError(f"the values have {count} places for the image `{name}`, not one")
    return values


def main() -> int:
    """Check or pin; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("check").add_argument("version")
    pin = commands.add_parser("pin")
    pin.add_argument("folder", type=Path)
    pin.add_argument("values", type=Path)
    options = parser.parse_args()
    if options.command == "check":
        problems = disagreements(options.version)
        print("\n".join(problems) or f"all say {options.version}")
        return 1 if problems else 0
    files = (file for file in options.folder.iterdir() if "." not in file.name)
    references = {file.name: file.read_text().strip() for file in files}
    options.values.write_text(pinned(options.values.read_text(), references))
    print(f"pinned {', '.join(sorted(references))}")
    return 0


def _with(reference: str, found: re.Match[str]) -> str:
    return found[1] + f'"{reference}"' + (found[2] if found.re.groups > 1 else "")


if __name__ == "__main__":
    sys.exit(main())
