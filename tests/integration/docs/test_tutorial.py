"""The tutorial for a laptop, done word by word: its commands, its file, and what it says comes out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "tutorial" / "laptop.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGES = re.compile(r"[0-9a-f]{8}|\d+(\.\d+)?")
"""What differs from one run to the next: names, seconds, counts."""


def console() -> Iterator[tuple[str, list[str]]]:
    """Each command of the page, with the lines that follow it."""
    for language, text in _BLOCK.findall(PAGE.read_text()):
        if language != "console":
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, [line for line in lines if line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file that the reader is told to write."""
    [release] = [text for language, text in _BLOCK.findall(PAGE.read_text()) if language == "yaml"]
    (tmp_path / "release.yaml").write_text(release)
    return tmp_path


def done(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command as typed, by somebody who says yes at a gate."""
    _, *words = command.split()
    approval = ["--approve"] if "release.yaml" in command else []
    return subprocess.run(
        [sys.executable, "-m", "penstock.cli.main", *words, *approval],
        cwd=folder,
        env={"PENSTOCK_HOME": str(folder / "home"), "HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_command_does_what_the_page_says(folder: Path):
    for command, lines in console():
        result = done(command, folder)
        printed = [_CHANGES.sub("#", line.strip()) for line in (result.stdout + result.stderr).splitlines()]

        assert result.returncode == (2 if "--set nam=" in command else 0), f"{command}: {result.stderr}"
        for line in lines:
            assert _CHANGES.sub("#", line.strip()) in printed, f"{command} does not print: {line}"


def test_the_mistake_is_told_with_what_to_write_instead(folder: Path):
    done("penstock init first", folder)

    refused = done("penstock run first/hello.yaml --set nam=Ada", folder)

    assert "name" in refused.stderr
    assert "nam" in refused.stderr
    assert done("penstock list", folder).stdout.count("hello") == 0


def test_what_is_deployed_is_what_was_approved(folder: Path):
    result = done("penstock run release.yaml --set version=2.4.0", folder)

    assert "Deploy shop:2.4.0?" in result.stdout + result.stderr
    assert 'deployed: "2.4.0"' in result.stdout
