"""The shop's rules. Each write is checked in its own transaction, so no caller gets round them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select, update

from examples.shop.schema import CUSTOMER, ITEM, ORDER

STAFF = {"sales-manager": "sales.manager@shop.example", "warehouse": "warehouse@shop.example"}
"""Own people that may be written to, by what they are called."""
Row = dict[str, Any]


class Refused(Exception):
    """A rule says no; the transaction is undone."""


def before_insert(connection: Connection, resource: str, row: Row) -> None:
    """Derive what is not for the caller to say, and refuse what may not be."""
    if resource == "Item":
        _price_item(row)
    if resource == "Email":
        _decide_email(connection, row)


def after_write(connection: Connection, resource: str, row: Row) -> None:
    """Bring totals up to date, and hold them against the limits."""
    if resource not in ("Item", "Order"):
        return
    order_id = row["order_id"] if resource == "Item" else row["id"]
    owner = select(ORDER.c.customer_id).where(ORDER.c.id == order_id)
    customer = connection.execute(owner).scalar_one()
    # One writer a customer: sums are made of what is committed (on SQLite there is one writer anyway).
    connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.id == customer).with_for_update())
    total = select(func.coalesce(func.sum(ITEM.c.amount), 0)).where(ITEM.c.order_id == order_id).scalar_subquery()
    connection.execute(update(ORDER).where(ORDER.c.id == order_id).values(amount_total=total))
    _keep_to_credit(connection, customer)


def _price_item(row: Row) -> None:
    if row["quantity"] <= 0:
        raise Refused("quantity must be more than 0")
    if row["unit_price"] < 0:
        raise Refused("unit_price must not be negative")
    row["amount"] = Decimal(str(row["unit_price"])) * row["quantity"]


def _keep_to_credit(connection: Connection, customer: int) -> None:
    open_orders = (ORDER.c.customer_id == customer) & ORDER.c.date_shipped.is_(None)
    owed = select(func.coalesce(func.sum(ORDER.c.amount_total), 0)).where(open_orders).scalar_subquery()
    connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == customer).values(balance=owed))
    found = connection.execute(
        select(CUSTOMER.c.name, CUSTOMER.c.balance, CUSTOMER.c.credit_limit).where(CUSTOMER.c.id == customer)
    ).one()
    if found.balance > found.credit_limit:
        raise Refused(
            f"{found.name}'s balance of {found.balance} would exceed the credit limit of {found.credit_limit}"
        )


def _decide_email(connection: Connection, row: Row) -> None:
    """The request pattern: the row asks, the rule answers in it. Whoever opted out is not written to."""
    if (row.get("customer_id") is None) == (row.get("recipient") is None):
        raise Refused("give exactly one of customer_id and recipient")
    if row.get("recipient") is not None:
        if row["recipient"] not in STAFF:
            raise Refused(f"recipient must be one of {', '.join(STAFF)}; customers are written to by customer_id")
        row["status"] = "sent"
        return
    asked = select(CUSTOMER.c.email_opt_out).where(CUSTOMER.c.id == row["customer_id"])
    opted_out = connection.execute(asked).scalar_one()
    row["status"] = "not sent" if opted_out else "sent"
    row["reason"] = "the customer has opted out of e-mail" if opted_out else None
