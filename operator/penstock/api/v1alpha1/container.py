"""`container` of a step: any image, no harness."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1.meta import ApiModel

IMAGE = r"^[a-zA-Z0-9][-a-zA-Z0-9._/:]*(@sha256:[0-9a-f]{64})?$"
"""A reference to an image."""

Argument = Annotated[str, Field(max_length=32768)]
"""One word of a command line."""


class Container(ApiModel):
    """A program in an image of one's own, without a harness. Its result is how its container ends."""

    image: Annotated[str, Field(pattern=IMAGE, max_length=512)]
    """The image. In front of a gate it is named by digest: registry.example/tool@sha256:…"""
    command: Annotated[tuple[Argument, ...], Field(max_length=64)] = ()
    """The program in place of the image's own."""
    args: Annotated[tuple[Argument, ...], Field(max_length=256)] = ()
    """Its arguments. `{{ … }}` in one holds CEL, and what comes of it is data: one argument, whatever is in it. With
    forEach it sees `item` and `itemIndex`."""
    working_dir: Annotated[str, Field(pattern=r"^/", max_length=4096)] | None = None
    """The folder to start in; default: the image's own."""
    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Number of the user to run as; needed where the image's own is root, or has no number."""
    output_from: Literal["terminationMessage", "log"] = "terminationMessage"
    """Where its output comes from: the file named by PENSTOCK_OUTPUT (less than 4 KiB), or what it prints."""
