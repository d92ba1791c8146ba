"""Rights in local mode: there is one person, who may do everything."""

from __future__ import annotations

from penstock.api.v1alpha1.run import RequestedBy
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.ports.access import Key


class LocalAuthority:
    """Authority of ports.engine for one person on one machine."""

    async def refusal(self, who: RequestedBy, namespace: str, wanted: Key | WorkflowSpec) -> str:  # noqa: ARG002  the port's
        """Nothing is refused."""
        return ""
