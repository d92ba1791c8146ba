from __future__ import annotations

import pytest

from penstock.adapters.local.living_attempt import in_words
from penstock.engine.result_records import Progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        pytest.param(Progress(3, 7, "packing"), "3/7 packing", id="share and message"),
        pytest.param(Progress(3, None, "packing"), "3 packing", id="no total"),
        pytest.param(Progress(None, None, "packing"), "packing", id="message alone"),
        pytest.param(Progress(0.5, 1, ""), "0.5/1", id="share alone"),
    ],
)
def test_progress_reads_like_a_sentence(progress: Progress, words: str):
    assert in_words(progress) == words
