"""Data as a model is shown it: cleaned, bounded, between marks."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

MAX_DATA = 65_536
"""Characters of one piece of data; more would cost more than it tells."""


def as_data(mark: str, name: str, value: Any) -> str:
    """A value between marks that nobody can write who does not know `mark`."""
    text = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if len(text) > MAX_DATA:
        text = f"{text[:MAX_DATA]}\n(cut: {len(text):,} characters)"
    return f'<{mark} name="{clean(name)}">\n{text}\n</{mark}>'


def clean(text: str) -> str:
    """Without what is not seen: control characters, and marks that reorder, hide or tag text."""
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs")
    )
