"""The Workflows that tasks are about."""

from __future__ import annotations

from typing import Any

TRUST = {"users": ["anybody"]}
"""In local mode the person at the machine."""


def workflow(
    name: str,
    source: str,
    *,
    about: str = "",
    inputs: dict[str, Any] | None = None,
    gate: str = "",
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A Workflow of one step `work` in Python, whose output is the run's; `gate` is the question before it."""
    work: dict[str, Any] = {"name": "work", "script": {"runtime": "python", "source": source}}
    steps = [work]
    if gate:
        steps = [{"name": "release", "approval": {"approvers": TRUST, "message": gate}}, {**work, "needs": ["release"]}]
    schema = {"type": "object", "properties": inputs or {}, "required": sorted(inputs or {})}
    spec = {"inputs": schema, "outputs": {"from": "steps.work.output"}, "steps": steps}
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {**spec, "description": about} if about else spec,
    }


TEXT = {"type": "string"}
REFUND = workflow(
    "refund-order",
    "output({'refunded': context.order, 'reason': context.reason})",
    about="Pays the price of an order back to the customer. The order stays open.",
    inputs={"order": {"type": "integer"}, "reason": TEXT},
)
CANCEL = workflow(
    "cancel-order",
    "output({'cancelled': context.order})",
    about="Ends an order before it is sent. Nothing is paid back.",
    inputs={"order": {"type": "integer"}},
)
CHARGE = workflow(
    "charge-card",
    "if context.cents > 100000:\n"
    "    fail('LIMIT_EXCEEDED', 'one charge may have 100000 cents at most')\n"
    "output({'charged': context.cents, 'customer': context.customer})",
    about="Charges a customer's card.",
    inputs={
        "customer": {"type": "string", "pattern": "^CUST-[0-9]+$", "description": "Such as CUST-7."},
        "cents": {"type": "integer", "minimum": 1, "description": "The amount in cents."},
    },
)
SLOW = workflow(
    "count-stock",
    "import time\ntime.sleep(3)\noutput({'boxes': 4711})",
    about="Counts the boxes in the store.",
)
ENDLESS = workflow("nightly-import", "import time\ntime.sleep(600)", about="Imports what the night brought.")
RELEASE = workflow(
    "release",
    "output({'released': context.version})",
    about="Puts a version of the shop in front of customers.",
    inputs={"version": TEXT},
    gate="Release this version?",
)
