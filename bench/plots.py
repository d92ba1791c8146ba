"""Bars and lines as SVG, for the page of figures. Pure; readable on light and dark ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 720
_LEFT = 150
_RIGHT = 90
_ROW = 26
_HEAD = 34
_COLOURS = {"ours": "#2f7ed8", "floor": "#9aa5b1"}
_TEXT = "#6b7785"
"""Grey enough for both grounds."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row."""

    name: str
    value: float
    text: str
    """What stands behind it."""
    kind: str = "ours"
    """ours or floor."""


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars, one below the other, on one scale from 0."""
    longest = max((row.value for row in rows), default=1.0) or 1.0
    room = _WIDTH - _LEFT - _RIGHT
    parts = [_text(0, 18, title, weight="bold")]
    for number, row in enumerate(rows):
        top = _HEAD + number * _ROW
        length = max(1.0, row.value / longest * room)
        parts.append(_text(_LEFT - 8, top + 15, row.name, anchor="end"))
        parts.append(f'<rect x="{_LEFT}" y="{top + 3}" width="{length:.1f}" height="16" fill="{_COLOURS[row.kind]}"/>')
        parts.append(_text(_LEFT + length + 6, top + 15, row.text))
    return _svg(_HEAD + len(rows) * _ROW + 6, parts)


def line(title: str, points: Sequence[tuple[float, float]], below: str, unit: str) -> str:
    """Points joined by lines over a logarithmic scale of what stands `below`, values from 0."""
    height, bottom, top = 240, 190.0, 40.0
    highest = max(value for _, value in points) * 1.15 or 1.0
    first, last = math.log10(points[0][0]), math.log10(points[-1][0])
    room = _WIDTH - _LEFT - _RIGHT

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (math.log10(point[0]) - first) / ((last - first) or 1.0)
        return _LEFT + across * room, bottom - point[1] / highest * (bottom - top)

    places = [place(point) for point in points]
    parts = [_text(0, 18, title, weight="bold")]
    parts.append(f'<line x1="{_LEFT}" y1="{bottom}" x2="{_LEFT + room}" y2="{bottom}" stroke="{_TEXT}"/>')
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f'<polyline points="{way}" fill="none" stroke="{_COLOURS["ours"]}" stroke-width="2"/>')
    for (x, y), (at, value) in zip(places, points, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_COLOURS["ours"]}"/>')
        parts.append(_text(x, y - 10, f"{value:g} {unit}", anchor="middle"))
        parts.append(_text(x, bottom + 18, f"{at:,.0f}", anchor="middle"))
    parts.append(_text(_LEFT + room / 2, bottom + 40, below, anchor="middle"))
    return _svg(height, parts)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {where} fill="{_TEXT}">{escape(text)}</text>'


def _svg(height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" font-family="sans-serif" '
    return head + 'font-size="13">\n' + "\n".join(parts) + "\n</svg>\n"
