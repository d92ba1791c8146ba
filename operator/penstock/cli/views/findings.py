"""What a look at an installation found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from penstock.application.diagnosis import Finding, Level, in_need
from penstock.application.safe_text import one_line

_WIDTH = 19
"""Of the longest thing that is looked at."""
_LONGEST = 2000


def lines(finding: Finding) -> Iterator[str]:
    """One line, and one more where there is something to do."""
    yield f"{finding.level.value:<4}  {finding.what:<{_WIDTH}} {one_line(finding.message, _LONGEST)}"
    if finding.advice:
        yield f"{'':<4}  {'':<{_WIDTH}} -> {one_line(finding.advice, _LONGEST)}"


def document(found: Sequence[Finding]) -> dict[str, Any]:
    """The same for programs."""
    items = [{"what": f.what, "level": f.level.value, "message": f.message, "advice": f.advice} for f in found]
    return {"ok": not in_need(found), "findings": items}


def summary(found: Sequence[Finding]) -> str:
    """How many there are of each."""
    count = Counter(finding.level for finding in found)
    return f"{count[Level.OK]} ok, {count[Level.WARN]} warnings, {count[Level.FAIL]} failures."
