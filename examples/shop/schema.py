"""The shop's tables, and the rows that it starts with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Dialect,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeDecorator


class Money(TypeDecorator[Decimal]):
    """An amount, kept in cents: the same on every database."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To cents."""
        return None if value is None else int((Decimal(str(value)) * 100).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - as above
        """From cents."""
        return None if value is None else Decimal(value) / 100

    @property
    def python_type(self) -> type[Decimal]:
        """What a value of it is."""
        return Decimal


METADATA = MetaData()
CUSTOMER = Table(
    "customer",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("email", String(120), nullable=False),
    Column("region", String(20), nullable=False),
    Column("email_opt_out", Boolean, nullable=False, default=False),
    Column("credit_limit", Money, nullable=False),
    Column("balance", Money, nullable=False, default=0),
)
ORDER = Table(
    "order",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("created_on", Date, nullable=False),
    Column("date_due", Date, nullable=False),
    Column("date_shipped", Date),
    Column("amount_total", Money, nullable=False, default=0),
    Column("notes", Text),
)
ITEM = Table(
    "item",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("order_id", ForeignKey("order.id"), nullable=False),
    Column("product", String(80), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", Money, nullable=False),
    Column("amount", Money, nullable=False, default=0),
)
EMAIL = Table(
    "email",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("customer_id", ForeignKey("customer.id")),
    Column("recipient", String(120)),
    Column("order_id", ForeignKey("order.id")),
    Column("subject", String(200), nullable=False),
    Column("message", Text),
    Column("status", String(20), nullable=False),
    Column("reason", String(200)),
)

CUSTOMERS = (
    (1, "Alice", "alice@example.com", "north", False, 5000),
    (2, "Bob", "bob@example.com", "south", False, 3000),
    (3, "Carla", "carla@example.com", "south", True, 2000),
)
ORDERS = (
    (1, 1, date(2023, 3, 1), date(2023, 4, 1), None, ("Desk", 1, 640)),
    (2, 1, date(2023, 5, 12), date(2023, 6, 12), None, ("Lamp", 2, 45)),
    (3, 2, date(2023, 6, 20), date(2023, 7, 20), None, ("Chair", 4, 120)),
    (4, 3, date(2023, 7, 1), date(2023, 8, 1), None, ("Shelf", 1, 210)),
    (5, 2, date(2023, 2, 3), date(2023, 3, 3), date(2023, 2, 10), ("Rug", 1, 300)),
)


def opened(url: str) -> Engine:
    """The database at a SQLAlchemy URL, with its tables, and the shop's first rows where there are none."""
    if url in ("sqlite://", "sqlite:///:memory:"):
        # The database is in its connection: one for all, and one request at a time has it.
        engine = create_engine(
            url, poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args={"check_same_thread": False}
        )
    else:
        engine = create_engine(url)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        if connection.execute(select(CUSTOMER.c.id).limit(1)).first() is None:
            _fill(connection)
    return engine


def _fill(connection: Any) -> None:
    names = ("id", "name", "email", "region", "email_opt_out", "credit_limit")
    connection.execute(insert(CUSTOMER), [dict(zip(names, row, strict=True)) | {"balance": 0} for row in CUSTOMERS])
    for number, customer, created, due, shipped, (product, quantity, price) in ORDERS:
        amount = quantity * price
        connection.execute(
            insert(ORDER).values(
                id=number,
                customer_id=customer,
                created_on=created,
                date_due=due,
                date_shipped=shipped,
                amount_total=amount,
            )
        )
        connection.execute(
            insert(ITEM).values(
                id=number, order_id=number, product=product, quantity=quantity, unit_price=price, amount=amount
            )
        )
        if shipped is None:
            owner = CUSTOMER.c.id == customer
            connection.execute(CUSTOMER.update().where(owner).values(balance=CUSTOMER.c.balance + amount))
    if connection.dialect.name == "postgresql":  # its counters know nothing of rows that came with their numbers
        for table in ("customer", "order", "item"):
            counter = text(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), 100)")
            connection.execute(counter)
