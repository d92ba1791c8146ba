"""What the JSON:API offers: each resource with its columns, and the way from one of its rows to a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

from examples.shop.schema import CUSTOMER, EMAIL, ITEM, ORDER


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of rows."""

    name: str
    table: Table
    source: FromClause
    """The table, joined with what is shown of its parents."""
    columns: Mapping[str, ColumnElement[Any]]
    """What is shown and may be filtered by."""
    writable: frozenset[str]
    required: frozenset[str]
    methods: tuple[str, ...]
    region: ColumnElement[Any]
    """The region of the customer that a row hangs on."""
    about: str


def _own(table: Table) -> dict[str, ColumnElement[Any]]:
    return {column.name: column for column in table.columns}


_OF_ORDER = ORDER.join(CUSTOMER)
RESOURCES: Mapping[str, Resource] = {
    each.name: each
    for each in (
        Resource(
            name="Customer",
            table=CUSTOMER,
            source=CUSTOMER,
            columns=_own(CUSTOMER),
            writable=frozenset({"email", "email_opt_out"}),
            required=frozenset(),
            methods=("GET", "PATCH"),
            region=CUSTOMER.c.region,
            about="Who buys. balance is the sum of all orders that are not shipped.",
        ),
        Resource(
            name="Order",
            table=ORDER,
            source=_OF_ORDER,
            columns={**_own(ORDER), "customer_name": CUSTOMER.c.name},
            writable=frozenset({"customer_id", "created_on", "date_due", "date_shipped", "notes"}),
            required=frozenset({"customer_id", "created_on", "date_due"}),
            methods=("GET", "POST", "PATCH"),
            region=CUSTOMER.c.region,
            about="A customer's order. date_shipped is null until it is shipped; amount_total is the sum of its items.",
        ),
        Resource(
            name="Item",
            table=ITEM,
            source=ITEM.join(_OF_ORDER, ITEM.c.order_id == ORDER.c.id),
            columns=_own(ITEM),
            writable=frozenset({"order_id", "product", "quantity", "unit_price"}),
            required=frozenset({"order_id", "product", "quantity", "unit_price"}),
            methods=("GET", "POST"),
            region=CUSTOMER.c.region,
            about="A line of an order. Refused where the customer's balance would exceed the credit limit.",
        ),
        Resource(
            name="Email",
            table=EMAIL,
            source=EMAIL.outerjoin(CUSTOMER),
            columns=_own(EMAIL),
            writable=frozenset({"customer_id", "recipient", "order_id", "subject", "message"}),
            required=frozenset({"subject"}),
            methods=("GET", "POST"),
            region=CUSTOMER.c.region,
            about=(
                "A request for an e-mail: POST a row, and the shop decides. status says sent or not sent, reason why "
                "not. Give customer_id for a customer, or recipient for one of the shop's own people."
            ),
        ),
    )
}
