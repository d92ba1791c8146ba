"""Bound scripts and corrected lines, as real Node.js and the real Go compiler read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from penstock.engine.placeholders import bind
from tests.integration.runtimes.conftest import SECONDS
from tests.integration.runtimes.languages import missing
from tests.unit.engine.placeholders import go_cases, javascript_cases
from tests.unit.engine.placeholders.test_languages import refused, with_suggestion

VALUE = 'it\'s `${braces}` and "quotes" \\ '


def parses(command: list[str], file: Path, text: str) -> None:
    file.write_text(text)
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")
def test_bound_and_corrected_javascript_is_javascript(tmp_path: Path):
    """All in one module, each in a function of its own: a hundred starts of Node.js would take half a minute."""
    texts = [want for _, want in javascript_cases.BOUND.values() if not want.startswith("#!")]
    texts += [want for _, _, want in javascript_cases.REFUSED.values() if want]

    assert len(texts) > 30
    parses(["node", "--check"], tmp_path / "all.mjs", "\n".join(f"async () => {{\n{text}\n}};" for text in texts))


@pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")
@pytest.mark.parametrize("quotes", ["'", '"', "`"])
def test_a_corrected_string_holds_the_value(tmp_path: Path, quotes: str):
    source = f"console.log({quotes}a \\n$ {{{{context_x}}}} b{quotes})"
    corrected = with_suggestion(source, refused("javascript", source))
    script = f"const context = {{x: {json.dumps(VALUE)}}}\n{corrected}\n"
    (tmp_path / "step.mjs").write_text(script)
    done = subprocess.run(
        ["node", "step.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=True
    )

    assert done.stdout == f"a \n$ {VALUE} b\n"


@pytest.mark.skipif(bool(missing("go")), reason="go is not installed")
def test_bound_and_corrected_go_is_go(tmp_path: Path):
    texts = [want for _, want in go_cases.BOUND.values()]
    texts += [want for _, _, want in go_cases.REFUSED.values() if want]
    functions = "\n".join(f"func f{number}() {{\n{text}\n}}" for number, text in enumerate(texts))

    assert len(texts) > 10
    parses(["gofmt", "-e", "-l"], tmp_path / "all.go", f"package main\n{functions}\n")


@pytest.mark.parametrize("language", ["javascript", "go"])
def test_every_case_is_one(language: str):
    cases = {"javascript": javascript_cases, "go": go_cases}[language]

    assert all(bind(language, source, None).problems == () for source, _ in cases.BOUND.values())
