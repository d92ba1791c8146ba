"""How long finished runs are kept, as a Workflow says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.api.v1alpha1.meta import ApiModel, Duration


class Retention(ApiModel):
    """When finished runs are removed, with their approvals, outputs, logs, Jobs and pods. Never one that is needed."""

    succeeded: Duration | None = None
    """How long a run that succeeded is kept after its end, at least 10s. Default: what the installation says, 30d."""
    failed: Duration | None = None
    """The same for one that failed, timed out or was cancelled. Default: what the installation says, 90d."""
    keep: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Only so many finished runs of the Workflow are kept, the newest; older ones go before their time. Default: what
    the installation says, any number."""
