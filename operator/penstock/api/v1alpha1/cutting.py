"""Texts as a status can hold them."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    """The text as a status can hold it: valid Unicode, at most `most` characters, the end marked where it was cut."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
