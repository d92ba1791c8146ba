"""Whether what a run gives back is what its Workflow promises. Pure; nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import Problem


def check_output(schema: Mapping[str, Any], output: Any) -> tuple[Problem, ...]:
    """Everything that is wrong with an output; `schema` is the Workflow's `outputs.schema`."""
    from penstock.application.context_schema import Checked, schema_problems

    return schema_problems(schema, output, Checked("output", "outputs.schema"))
