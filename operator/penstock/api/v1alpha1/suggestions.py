"""The word that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LISTED = 12
MAX_COMPARED = 300
"""Known words beyond which none is looked for, and characters of a word: comparing them takes its time."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is nearest to `word`, or None when nothing is near."""
    from difflib import get_close_matches

    table = {_plain(name): name for name in known}
    if len(table) > MAX_COMPARED or len(word) > MAX_COMPARED:
        return None
    found = get_close_matches(_plain(word), table, n=1, cutoff=0.66)
    return table[found[0]] if found else None


def listed(known: Iterable[str]) -> str:
    """Known words as a sentence has them: `a`, `b` and `c`; a long list is cut short and says so."""
    names = [f"`{name}`" for name in known]
    if len(names) > MAX_LISTED:
        return f"{', '.join(names[:MAX_LISTED])} and {len(names) - MAX_LISTED} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
