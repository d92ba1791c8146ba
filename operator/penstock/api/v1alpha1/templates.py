"""Templates in JSON: texts that hold `{{ CEL }}`, anywhere in a value. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.api.v1alpha1.expressions import Piece, analyse, split_template

OF_ITEMS = ("item", "itemIndex")
"""Names that stand for the item of a fanned-out step and its place in the list."""


def template_texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The texts in a JSON value that hold a template, each with its path: `.customer.name`, `[2]`."""
    if isinstance(value, str):
        if "{{" in value:
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from template_texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from template_texts(item, f"{path}[{index}]")


def holds_template(value: Any) -> bool:
    """Whether something in the value depends on the run."""
    return next(template_texts(value), None) is not None


def names_item(value: Any) -> bool:
    """Whether something in the value depends on the item of a fanned-out step."""
    return any(
        reference.path[0] in OF_ITEMS
        for _, text in template_texts(value)
        for piece in _pieces(text)
        if piece.is_expression
        for reference in analyse(piece.text).references
    )


def _pieces(text: str) -> tuple[Piece, ...]:
    try:
        return split_template(text)
    except ValueError:
        return ()  # the check of expressions says what is wrong with it


def sole_expression(text: str) -> str | None:
    """The CEL of a text that is nothing else; None where there is text around it. Raises ValueError for open braces."""
    pieces = split_template(text)
    return pieces[0].text if len(pieces) == 1 and pieces[0].is_expression else None
