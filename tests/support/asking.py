"""The sentences of examples/ask, and a model that answers them as they were recorded."""

from __future__ import annotations

from typing import Any

import yaml

from examples.ask.demo import FILE
from tests.support.provider import Answer, says, spoken

Json = dict[str, Any]
ALERT = "Get all orders for Alice. If any are over $500, alert the sales manager."
WARN = "Check Alice's orders. If any are overdue, send a warning email. Otherwise, do nothing."


def documents() -> list[Json]:
    """What stands in ask.yaml."""
    return list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))


def as_recorded(asked: Json) -> Answer:
    """The recorded answer to the request, by a provider's protocol."""
    [connection] = [each for each in documents() if each["metadata"]["name"] == "model"]
    said = " ".join(text for _, text in spoken(asked))
    [answer] = [each["answer"] for each in connection["spec"]["answers"] if each["question"].strip() in said]
    return says(answer)


def http_step(name: str, path: str, **more: Any) -> Json:
    """A step of a plan that calls the shop."""
    return {"name": name, "http": {"connection": "shop", "path": path}, **more}


FOLLOW_UP: Json = {
    "summary": "Reads the orders and lets the model decide what follows.",
    "spec": {
        "steps": [
            http_step("orders", "/Order"),
            {
                "name": "decide",
                "needs": ["orders"],
                "llm": {
                    "connection": "model",
                    "prompt": "Plan what follows from the orders.",
                    "data": {"orders": "{{ steps.orders.output.body }}"},
                    "plans": {"connections": ["shop"], "approvers": {"users": ["mallory@example.com"]}},
                },
            },
            {"name": "follow_up", "needs": ["decide"], "workflow": {"specFrom": "steps.decide.output.spec"}},
        ]
    },
}
"""A plan whose `llm` step plans what follows, and would name its own approver."""
ALERTING: Json = {
    "summary": "Alerts the manager.",
    "spec": {
        "steps": [
            {
                "name": "alert",
                "http": {
                    "connection": "shop",
                    "method": "POST",
                    "path": "/Email",
                    "body": {"data": {"attributes": {"recipient": "sales-manager", "subject": "Look"}}},
                },
            }
        ]
    },
}
"""What that step plans."""
