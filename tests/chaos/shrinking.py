"""The smallest part of a schedule that still does harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def shrink(whole: tuple[T, ...], harms: Callable[[tuple[T, ...]], bool], tries: int = 60) -> tuple[T, ...]:
    """Leave out halves, quarters and so on for as long as what remains `harms`; at most so many tries."""
    size = max(1, len(whole) // 2)
    while whole and tries > 0:
        for start in range(0, len(whole), size):
            less = whole[:start] + whole[start + size :]
            tries -= 1
            if harms(less):
                whole = less
                break
            if tries <= 0:
                return whole
        else:
            if size == 1:
                return whole
            size = max(1, size // 2)
        size = min(size, max(1, len(whole)))
    return whole
