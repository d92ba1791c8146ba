"""Outputs by reference, as a run's status says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.api.v1alpha1.meta import ApiModel


class OutputReference(ApiModel):
    """Where an output is that the run object has no room for."""

    name: Annotated[str, Field(max_length=63)]
    """Of an immutable ConfigMap in the run's namespace, which holds JSON under the key `output`; an output over 900 KiB
    goes on in `<name>-001`, `<name>-002` and so on."""
    digest: Annotated[str, Field(max_length=80)]
    """SHA-256 over the output, by which readers know it from another."""
    size: int
    """Its length in bytes."""
