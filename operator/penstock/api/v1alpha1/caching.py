"""`cache` of a step: it may take the output that an equal step gave in another run of the Workflow."""

from __future__ import annotations

from penstock.api.v1alpha1.meta import ApiModel, Duration, Expression

CACHE_RULES = (
    (
        "!has(self.cache) || !(has(self.workflow) || has(self.approval) || has(self.wait))",
        "cache is for steps with a script, a container or a call; leave it out of other steps",
    ),
    (
        "!has(self.cache) || !(has(self.requiresApproval) || has(self.forEach))",
        "a step with requiresApproval or forEach always runs; leave cache out",
    ),
)
"""Rules of the API server for a step that has this field."""


class StepCache(ApiModel):
    """When a step may take the output of an earlier run in place of running."""

    key: Expression | None = None
    """CEL; compared besides the program and all that it is given: an output of another key is not taken."""
    ttl: Duration
    """How old an output may be, counted from the moment that its program ended, such as 1h."""
