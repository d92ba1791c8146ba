"""The shop over real HTTP: what callers see, and what its rules do not let through."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from examples.shop.resources import RESOURCES
from examples.shop.roles import SALES
from examples.shop.schema import METADATA, opened
from examples.shop.service import Shop
from tests.support.postgres import programs, serving_postgres
from tests.support.shop import serving_shop


@pytest.fixture(scope="module")
def postgres():
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with serving_postgres(found) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
async def shop(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
        engine = create_engine(url)
        METADATA.drop_all(engine)
        engine.dispose()
    async with serving_shop(url) as client:
        yield client


async def test_it_describes_itself_so_that_a_caller_needs_nothing_else(shop):
    found = (await shop.get("/.well-known/mcp.json", token="")).body
    resources = {each["name"]: each for each in found["resources"]}
    assert found["base_url"] == f"{shop.address}/api"
    assert "POST an Email" in found["learning"]
    assert resources["Order"]["methods"] == ["GET", "POST", "PATCH"]
    shipped = next(field for field in resources["Order"]["fields"] if field["name"] == "date_shipped")
    assert shipped == {"name": "date_shipped", "type": "date", "nullable": True, "writable": True, "required": False}


@pytest.mark.parametrize(
    "filters",
    [
        (("filter[date_shipped]", "null"), ("filter[created_on][lt]", "2023-07-14")),
        (("filter[date_shipped][isnull]", "true"), ("filter[id][in]", "1,2,3,4,5")),
        (
            (
                "filter",
                """[{"name": "date_shipped", "op": "eq", "val": null},
                    {"name": "created_on", "op": "lt", "val": "2023-07-14"}]""",
            ),
        ),
    ],
)
async def test_rows_are_found_by_every_form_of_filter(shop, filters):
    found = await shop.filtered("/api/Order", *filters)
    assert [row["id"] for row in found.rows] == [1, 2, 3, 4]
    assert {row["customer_name"] for row in found.rows} == {"Alice", "Bob", "Carla"}


async def test_pages_lead_to_the_next_until_there_is_none(shop):
    first = await shop.filtered("/api/Order", ("page[size]", "3"), ("filter[id][ge]", "1"))
    second = await shop.get(first.body["links"]["next"].removeprefix(shop.address))
    assert [[row["id"] for row in page.rows] for page in (first, second)] == [[1, 2, 3], [4, 5]]
    assert (first.body["meta"], second.body["links"]) == ({"total": 5}, {"next": None})


async def test_a_role_sees_and_changes_the_rows_of_its_region_alone(shop):
    seen = await shop.get("/api/Order", token="shop-north")
    assert [row["id"] for row in seen.rows] == [1, 2]
    assert seen.body["meta"] == {"total": 2}
    assert (await shop.get("/api/Order/3", token="shop-north")).status == 404
    assert (await shop.patch("/api/Order/3", token="shop-north", notes="mine")).status == 404
    refused = await shop.post("Email", token="shop-north", customer_id=2, subject="Hello")
    assert (refused.status, refused.refusal) == (404, "no Customer 2")
    assert (await shop.get("/api/Email")).rows == []


@pytest.mark.parametrize(("token", "status"), [("", 401), ("shop-nobody", 401), ("shop-audit", 403)])
async def test_nobody_writes_without_a_role_that_may(shop, token, status):
    assert (await shop.post("Email", token=token, customer_id=1, subject="Hello")).status == status
    assert (await shop.get("/api/Email")).rows == []


async def test_an_email_is_asked_for_with_a_row_and_whoever_opted_out_is_not_written_to(shop):
    sent = await shop.post("Email", customer_id=1, order_id=1, subject="Discount Offer", message="10 % off")
    kept = await shop.post("Email", customer_id=3, order_id=4, subject="Discount Offer", message="10 % off")
    assert (sent.status, sent.row["status"], sent.row["reason"]) == (201, "sent", None)
    assert (kept.status, kept.row["status"]) == (201, "not sent")
    assert kept.row["reason"] == "the customer has opted out of e-mail"
    await shop.patch("/api/Customer/3", email_opt_out=False)
    assert (await shop.post("Email", customer_id=3, subject="Welcome back")).row["status"] == "sent"


async def test_an_email_goes_to_a_customer_or_to_the_shops_own_people_and_to_nobody_else(shop):
    assert (await shop.post("Email", recipient="sales-manager", subject="Large order")).row["status"] == "sent"
    for asked in ({"recipient": "me@evil.example"}, {}, {"recipient": "sales-manager", "customer_id": 1}):
        assert (await shop.post("Email", subject="x", **asked)).status == 422
    assert len((await shop.get("/api/Email")).rows) == 1


async def test_an_item_over_the_credit_limit_leaves_nothing_behind(shop):
    refused = await shop.post("Item", order_id=4, product="Piano", quantity=1, unit_price=1900)
    assert (refused.status, refused.refusal) == (
        422,
        "Carla's balance of 2110 would exceed the credit limit of 2000",
    )
    assert [row["product"] for row in (await shop.filtered("/api/Item", ("filter[order_id]", "4"))).rows] == ["Shelf"]
    added = await shop.post("Item", order_id=4, product="Stool", quantity=2, unit_price=49.95)
    assert added.row["amount"] == 99.9
    assert (await shop.get("/api/Order/4")).row["amount_total"] == 309.9
    assert (await shop.get("/api/Customer/3")).row["balance"] == 309.9


async def test_a_shipped_order_is_paid(shop):
    await shop.patch("/api/Order/1", date_shipped="2023-08-01")
    assert (await shop.get("/api/Customer/1")).row["balance"] == 90


async def test_totals_hold_under_writers_at_the_same_time(shop):
    answers = await asyncio.gather(
        *(shop.post("Item", order_id=3, product=f"Cup {n}", quantity=1, unit_price=1) for n in range(12))
    )
    accepted = sum(answer.status == 201 for answer in answers)
    assert accepted == 12
    assert (await shop.get("/api/Order/3")).row["amount_total"] == 480 + accepted


@pytest.mark.parametrize(
    "parameter",
    [
        ("filter[name; DROP TABLE customer]", "x"),
        ("filter[password]", "x"),
        ("filter[id][between]", "1"),
        ("filter[id]", "one"),
        ("filter", "{}"),
        ("filter", "[1]"),
        ("page[size]", "100000"),
        ("sort", "name"),
    ],
)
async def test_what_cannot_be_understood_is_refused_with_what_could_be(shop, parameter):
    answer = await shop.filtered("/api/Customer", parameter)
    assert answer.status == 400
    assert answer.refusal


async def test_a_value_is_data_however_it_looks(shop):
    assert (await shop.filtered("/api/Customer", ("filter[name]", "' OR 1=1 --"))).rows == []
    text = "'); DROP TABLE email; --"
    assert (await shop.post("Email", customer_id=1, subject=text)).row["subject"] == text


async def test_what_only_a_rule_may_say_cannot_be_written(shop):
    for asked in ({"status": "sent"}, {"id": 7}):
        assert (await shop.post("Email", customer_id=3, subject="x", **asked)).status == 400


def test_many_who_write_at_once_each_get_what_they_wrote():
    shop = Shop(opened("sqlite://"))

    def write(number: int) -> str:
        body = {"data": {"attributes": {"recipient": "warehouse", "subject": f"hello {number}"}}}
        attributes: dict[str, str] = shop.add(RESOURCES["Email"], SALES, body)["data"]["attributes"]
        return attributes["subject"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(write, range(100))) == [f"hello {number}" for number in range(100)]
