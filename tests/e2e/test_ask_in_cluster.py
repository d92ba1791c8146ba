"""From a sentence to a run on a real node: the shop on PostgreSQL, plans recorded and by providers' protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, select, update

from examples.ask.demo import OFFER
from examples.shop.roles import DEMO_TOKENS, by_token
from examples.shop.schema import EMAIL, METADATA, ORDER, opened
from examples.shop.service import application
from tests.support.asking import ALERT, ALERTING, FOLLOW_UP, WARN, as_recorded, documents
from tests.support.cluster import Cluster, wait_for
from tests.support.http_server import listening_beside
from tests.support.postgres import programs, reachable_postgres
from tests.support.provider import Provider, provider_beside, says
from tests.support.tenant import ALICE, LEAD, MALLORY, Json, Tenant

KEY = "key-of-the-model"
NORTH, SALES = "shop-north", "shop-sales"


class Shop:
    """The shop, served by this machine to the pods of steps, and what is in its database."""

    def __init__(self, address: str, database: str) -> None:
        self.url = f"{address}/api"
        self._database = database

    def emails(self, **where: str) -> list[Json]:
        """The requests for e-mail, by what they are about."""
        chosen = [getattr(EMAIL.c, name) == value for name, value in where.items()]
        engine = create_engine(self._database)
        with engine.begin() as database:
            found = database.execute(select(EMAIL).where(*chosen).order_by(EMAIL.c.id)).mappings().all()
        engine.dispose()
        return [dict(row) for row in found]

    def ship_all(self) -> None:
        """Leave nothing that could be overdue."""
        engine = create_engine(self._database)
        with engine.begin() as database:
            database.execute(update(ORDER).values(date_shipped=ORDER.c.created_on))
        engine.dispose()


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    with reachable_postgres(found, cluster.host()) as postgres:
        yield postgres.own


@pytest.fixture
def shop(cluster: Cluster, database: str) -> Iterator[Shop]:
    engine = opened(database)
    with listening_beside(application(engine, by_token(DEMO_TOKENS)), cluster.host()) as address:
        yield Shop(address, database)
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture(params=["recorded", "openai-compatible", "anthropic"])
def model(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Json | None]:
    """The spec of a Connection to a model that answers by a provider's protocol; None for the recorded answers."""
    if request.param == "recorded":
        yield None
        return
    with provider_beside(cluster.host(), by=as_recorded) as provider:
        yield model_at(provider, request.param)
    assert set(provider.keys) == {KEY}


def model_at(provider: Provider, kind: str) -> Json:
    auth = {"secretRef": {"name": "model", "key": "token"}}
    return {"type": "llm", "provider": kind, "model": "small-1", "url": provider.address_for(kind), "auth": auth}


def install(tenant: Tenant, shop: Shop, model: Json | None = None, token: str = SALES) -> None:
    """Apply examples/ask/ask.yaml as its author, who may read the two Secrets, for this shop and this model."""
    for name, value in (("shop", token), ("model", KEY)):
        tenant.admin("create", "secret", "generic", name, f"--from-literal=token={value}")
        tenant.admin("create", "role", f"reads-{name}", "--verb=get", "--resource=secrets", f"--resource-name={name}")
        tenant.admin("create", "rolebinding", f"reads-{name}", f"--role=reads-{name}", f"--user={ALICE.name}")
    items = documents()
    for each in items:
        if each["metadata"]["name"] == "shop":
            each["spec"]["url"] = shop.url
        if each["metadata"]["name"] == "model" and model is not None:
            each["spec"] = model
    wait_for(
        lambda: tenant.kubectl(ALICE, "apply", "-f", "-", stdin=as_list(items), check=False).returncode == 0,
        seconds=30,
        what=lambda: tenant.kubectl(ALICE, "apply", "-f", "-", stdin=as_list(items), check=False).stderr,
    )
    tenant.workflow_says("ask", "Ready=True")


def as_list(items: list[Json]) -> Json:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def approved(tenant: Tenant, run: str, before: Callable[[Json], None] = lambda gate: None) -> Json:
    """What came of each step of the plan of a run, once it was approved; `before` sees the gate."""
    gate = tenant.gate(tenant.phase(run, "Waiting"), "run_plan")
    before(gate)
    answer = tenant.vote(LEAD, gate)
    assert answer.returncode == 0, answer.stderr
    status: Json = tenant.finished(run)["status"]
    assert (status["phase"], status.get("error")) == ("Succeeded", None), tenant.account(run)
    accrued: Json = tenant.output(status)
    return accrued


def ids(step: Json) -> list[int]:
    """The ids of the rows that a step of the plan read."""
    return [row["attributes"]["id"] for row in step["output"]["rows"]]


@pytest.mark.timeout(500, func_only=True)
def test_the_sentences_come_to_what_they_say(tenant: Tenant, shop: Shop, model: Json | None) -> None:
    install(tenant, shop, model)
    for name, sentence in (("offer", OFFER), ("alert", ALERT), ("warn", WARN)):
        tenant.start("ask", {"prompt": sentence}, name=name)

    def nothing_was_done(gate: Json) -> None:
        assert shop.emails() == []
        message = gate["spec"]["request"]["message"]
        assert "1. orders: GET /Order of shop where date_shipped isnull true and created_on lt 2023-07-14" in message
        assert "2. emails: POST /Email of shop" in message
        refused = tenant.vote(ALICE, gate)
        assert "whoever asked for a run may not decide on it" in refused.stderr

    offer = approved(tenant, "offer", nothing_was_done)
    # One request a row; who opted out is told to nobody, and the results are accrued.
    assert ids(offer["orders"]) == [1, 2, 3, 4]
    accrued = [each["body"]["data"]["attributes"] for each in offer["emails"]["output"]]
    assert [(each["order_id"], each["status"]) for each in accrued] == [
        (1, "sent"),
        (2, "sent"),
        (3, "sent"),
        (4, "not sent"),
    ]
    # Each row is a pod of its own: they send in whatever order they start.
    assert sorted(row["order_id"] for row in shop.emails(subject="Discount Offer")) == [1, 2, 3, 4]
    approved(tenant, "alert")
    assert [row["message"] for row in shop.emails(recipient="sales-manager")] == ["Orders: [1]"]
    approved(tenant, "warn")
    assert [(row["customer_id"], row["message"]) for row in shop.emails(subject="Overdue orders")] == [
        (1, "Overdue orders: [1, 2]")
    ]
    plan = tenant.output(tenant.run("offer")["status"]["steps"]["plan"])
    assert plan["recorded"] == (model is None)
    said = "A recorded answer is used: no model was asked." if model is None else "The plan compiles."
    assert said in tenant.kubectl(ALICE, "logs", "-l", "penstock.dev/run=offer", "--tail=-1").stdout
    everything = tenant.admin("get", "pwf,pwr,pconn,apr,pods,jobs,configmaps,events", "-o", "json").stdout
    assert KEY not in everything
    assert SALES not in everything


def test_a_role_that_sees_two_of_five_orders_gets_two_through_the_whole_chain(tenant: Tenant, shop: Shop) -> None:
    install(tenant, shop, token=NORTH)
    tenant.start("ask", {"prompt": OFFER}, name="offer")
    assert ids(approved(tenant, "offer")["orders"]) == [1, 2]
    assert sorted(row["order_id"] for row in shop.emails()) == [1, 2]
    # Otherwise, nothing is done.
    shop.ship_all()
    tenant.start("ask", {"prompt": WARN}, name="warn")
    assert approved(tenant, "warn")["warn"] == {"phase": "Skipped"}
    assert shop.emails(subject="Overdue orders") == []


def test_a_sentence_that_nobody_recorded_ends_the_run_before_the_gate(tenant: Tenant, shop: Shop) -> None:
    install(tenant, shop)
    tenant.start("ask", {"prompt": "Delete everything."}, name="erase")
    error = tenant.finished("erase")["status"]["error"]
    assert (error["code"], error["step"]) == ("ANSWER_NOT_RECORDED", "plan")
    assert shop.emails() == []


def test_steps_that_a_model_adds_later_pass_a_gate_of_their_own(tenant: Tenant, shop: Shop, cluster: Cluster) -> None:
    with provider_beside(cluster.host(), says(FOLLOW_UP), says(ALERTING)) as provider:
        install(tenant, shop, model_at(provider, "openai-compatible"))
        tenant.start("ask", {"prompt": "Look at the orders and do what is needed."}, name="later")
        answer = tenant.vote(LEAD, tenant.gate(tenant.phase("later", "Waiting"), "run_plan"))
        assert answer.returncode == 0, answer.stderr
        wait_for(lambda: asked_before(tenant, "follow_up"), seconds=120, what=lambda: tenant.account("later"))
        [gate] = asked_before(tenant, "follow_up")
        assert "POST /Email of shop" in gate["spec"]["request"]["message"]
        # Whom the model named has no say, and nothing of it was done.
        assert tenant.vote(MALLORY, gate).returncode != 0
        assert shop.emails() == []
        assert "Alice" in provider.asked
        answer = tenant.vote(LEAD, gate)
        assert answer.returncode == 0, answer.stderr
        assert tenant.finished("later")["status"]["phase"] == "Succeeded", tenant.account("later")
    assert [row["subject"] for row in shop.emails()] == ["Look"]


def asked_before(tenant: Tenant, step: str) -> list[Json]:
    """The ApprovalRequests for a step of this name, whichever run it is of."""
    found: list[Json] = tenant.cluster.read("-n", tenant.namespace, "approvalrequest")["items"]
    return [each for each in found if each["spec"]["request"]["step"] == step]
