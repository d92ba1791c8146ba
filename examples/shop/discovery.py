"""What the shop says of itself at /.well-known/mcp.json."""

from __future__ import annotations

from typing import Any

from examples.shop.json_api import TYPES
from examples.shop.resources import RESOURCES, Resource
from examples.shop.rules import STAFF

LEARNING = f"""\
This is a JSON:API. GET a resource's path for its rows: they are in data, each with id and attributes.
Filter with filter[name][op]=value; op is eq (default), ne, lt, le, gt, ge,
in (a,b), like or isnull (true, false).
POST {{"data": {{"type": "Email", "attributes": {{…}}}}}} adds a row. Dates are written 2023-07-14.
To send an e-mail to a customer, POST an Email with customer_id, subject and message, and order_id where it is about an
order. The shop decides whether it is sent: customers may have opted out, and the row's status says what happened. To
alert somebody of the shop's own, give recipient instead of customer_id: {", ".join(STAFF)}.
An order is overdue when date_due is in the past and date_shipped is null.
"""


def document(address: str) -> dict[str, Any]:
    """The description, for a shop at an address."""
    return {
        "name": "shop",
        "tool_type": "json-api",
        "base_url": f"{address}/api",
        "learning": LEARNING,
        "resources": [_described(resource) for resource in RESOURCES.values()],
    }


def _described(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "path": f"/{resource.name}",
        "description": resource.about,
        "methods": list(resource.methods),
        "fields": [
            {
                "name": name,
                "type": TYPES[column.type.python_type.__name__],
                "nullable": bool(getattr(column, "nullable", True)),
                "writable": name in resource.writable,
                "required": name in resource.required,
            }
            for name, column in resource.columns.items()
        ],
    }
