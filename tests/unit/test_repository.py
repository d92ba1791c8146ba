"""The house keeps its own rules where no other tool looks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIRED_TARGETS = (
    *("run", "test", "lint", "types", "arch", "unit", "properties", "contract", "integration", "e2e", "bench", "chaos"),
    *("generate", "verify", "images", "cluster-up", "cluster-down", "cluster-status"),
)
PATCHING = re.compile(r"\b(?:mock\.patch|patch\.object|monkeypatch\.(?:setattr|setitem|delattr)|mocker\.)")
SELF = Path(__file__)


@pytest.mark.parametrize("folder", ["operator", "mcp_server", "runtimes_images"])
def test_plain_folders_hold_packages_and_nothing_that_python_or_pytest_would_take_for_one(folder):
    """`operator/__init__.py` would shadow Python's own module, for every program started in the root."""
    strays = [path.name for path in (ROOT / folder).iterdir() if path.suffix == ".py"]
    assert strays == []
    assert not list((ROOT / folder).rglob("conftest.py"))
    assert not list((ROOT / folder).rglob("test_*.py"))


def test_make_help_lists_every_verb():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [target for target in REQUIRED_TARGETS if not re.search(rf"^  {target} ", listed, re.MULTILINE)] == []


def test_tests_pass_dependencies_in_instead_of_patching_names():
    patched = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in (ROOT / "tests").rglob("*.py")
        if path != SELF
        for match in PATCHING.finditer(path.read_text(encoding="utf-8"))
    ]
    assert patched == []


def test_nothing_that_was_forbidden_by_name_has_crept_in():
    """A module called so has no subject of its own; it collects what nobody placed."""
    banned = {"utils", "helpers", "common", "manager", "base", "util", "misc"}
    packages = [ROOT / "operator", ROOT / "mcp_server", ROOT / "runtimes_images", ROOT / "tools", ROOT / "bench"]
    assert [str(path) for package in packages for path in package.rglob("*.py") if path.stem in banned] == []


def test_every_suppression_says_why():
    """A bare `noqa` or `type: ignore` hides a decision."""
    bare = re.compile(r"#\s*(?:noqa(?!: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*\s{1,2}\S)|type: ignore(?!\[[a-z-, ]+\]\s+#))")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for package in ("operator", "mcp_server", "runtimes_images", "tools", "bench")
        for path in (ROOT / package).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []
