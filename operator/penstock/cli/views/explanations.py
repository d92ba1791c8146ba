"""Why a run is where it is, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.application.explanation import Explanation, Point
from penstock.application.safe_text import one_line
from penstock.cli.views.documents import text_block


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """The explanation for people; lines of logs stand behind a margin and can be taken for nothing else."""
    yield f"Run {explanation.run} {explanation.phase}"
    yield one_line(explanation.summary)
    for point in explanation.points:
        yield ""
        yield from _point(point)


def _point(point: Point) -> Iterator[str]:
    yield one_line(point.text)
    if point.advice is not None:
        yield f"  To do: {one_line(point.advice)}"
    if point.log:
        yield "  Last lines of its log:"
        yield from text_block("\n".join(point.log), "  ")
