"""`make demo-ask`: the sentence gets to the program as it was typed."""

from __future__ import annotations

import subprocess

import pytest

from examples.ask.demo import ROOT
from tests.support.asking import ALERT, WARN


@pytest.mark.parametrize("sentence", [ALERT, WARN, 'Say "$(id)" `id` \\ $HOME.'])
def test_a_sentence_is_handed_over_as_it_was_typed(sentence: str):
    """Neither make nor the shell makes anything of it: `$500` was once taken for a variable."""
    # Everything else of the target is left out: a program stands in its place that shows what it was given.
    words = ["make", "--silent", "demo-ask", "BIN=tests/support/words", "APPROVE=1", f"PROMPT={sentence}"]
    shown = subprocess.run([*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    line = next(each for each in shown.splitlines() if "examples.ask" in each)
    given = subprocess.run(
        ["bash", "-c", line.replace("tests/support/words/python", "printf '%s\\n'")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert given == ["-m", "examples.ask", sentence, "--approve"]
