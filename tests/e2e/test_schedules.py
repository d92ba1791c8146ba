"""Runs by the clock, in line, replaced: with the operator in the cluster, and with two of them that are killed."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import pytest

from tests.support.cluster import wait_for
from tests.support.tenant import ALICE, Json, Tenant, a_step, a_workflow

pytestmark = pytest.mark.timeout(600, func_only=True)

EACH_MINUTE = "* * * * *"


def scheduled(name: str, **schedule: object) -> Json:
    step = a_step("work", "echo done", runtime="bash")
    return a_workflow(name, step, schedules=[{"name": "minutely", "cron": EACH_MINUTE, **schedule}])


def runs(tenant: Tenant) -> list[Json]:
    found: list[Json] = tenant.cluster.read("-n", tenant.namespace, "workflowrun")["items"]
    return [run for run in found if "penstock.dev/schedule" in run["metadata"].get("labels", {})]


def moments(tenant: Tenant) -> Counter[str]:
    return Counter(run["metadata"]["annotations"]["penstock.dev/scheduled-at"] for run in runs(tenant))


def status(tenant: Tenant, name: str) -> Json:
    found: Json = tenant.cluster.read("-n", tenant.namespace, "workflow", name).get("status", {})
    return found


def test_a_run_a_minute_as_whoever_wrote_the_workflow(tenant: Tenant) -> None:
    tenant.apply(scheduled("report", context={}))
    wait_for(lambda: "nextAt" in status(tenant, "report"), seconds=30, what="the next run is known")
    header, row = tenant.kubectl(ALICE, "get", "pwf", "report").stdout.splitlines()
    assert "NEXT-RUN" in header
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00", row)

    wait_for(lambda: runs(tenant), seconds=90, what="the first run is started")

    run = tenant.finished(runs(tenant)[0]["metadata"]["name"])
    assert run["status"]["phase"] == "Succeeded"
    assert run["spec"]["requestedBy"]["user"] == ALICE.name
    moment = datetime.fromisoformat(run["metadata"]["annotations"]["penstock.dev/scheduled-at"])
    assert datetime.fromisoformat(run["metadata"]["creationTimestamp"]) >= moment
    (entry,) = status(tenant, "report")["schedules"]
    assert datetime.fromisoformat(entry["lastScheduledAt"]) >= moment
    wait_for(lambda: "RunScheduled" in tenant.admin("get", "events").stdout, seconds=30, what="an Event tells of it")


def test_who_lost_the_right_to_run_it_gets_no_run_and_the_workflow_says_why(tenant: Tenant) -> None:
    tenant.apply(scheduled("report"))
    tenant.admin("delete", "rolebinding", "alice-author")
    tenant.workflow_says("report", "Scheduled=False", seconds=120)
    conditions = {each["type"]: each for each in status(tenant, "report")["conditions"]}
    message = conditions["Scheduled"]["message"]
    assert f"{ALICE.name} may not run Workflow report" in message
    assert conditions["Ready"]["status"] == "True"
    assert not [moment for moment in moments(tenant) if moment in message]


def test_bad_schedules_are_told_with_the_fix(tenant: Tenant) -> None:
    bad = scheduled("report", cron="@daily", timeZone="Berlin")
    tenant.apply(bad, ready=False)
    tenant.workflow_says("report", "Scheduled=False")
    conditions = {each["type"]: each for each in status(tenant, "report")["conditions"]}
    assert "Write `0 0 * * *`" in conditions["Ready"]["message"]
    assert "Write `Europe/Berlin`" in conditions["Ready"]["message"]
    assert conditions["Scheduled"]["reason"] == "NotReady"


class TestTurns:
    @staticmethod
    def apply(tenant: Tenant, **limits: object) -> None:
        step = a_step("work", "while [ ! -e /tmp/never ]; do sleep 1; done", runtime="bash")
        tenant.apply(a_workflow("deploy", step, concurrency=limits))

    def test_queued_runs_wait_in_order_and_say_for_whom(self, tenant: Tenant) -> None:
        self.apply(tenant, limit=1)
        tenant.start("deploy", name="a")
        tenant.phase("a", "Running")
        tenant.start("deploy", name="b")
        # Creation times are whole seconds: of two runs of one second the UID would decide.
        wait_for(lambda: "waitingFor" in tenant.run("b").get("status", {}), seconds=30, what="b waits")
        wait_for(lambda: _later(tenant.run("b")), seconds=5, what="the next second")
        tenant.start("deploy", name="c")
        wait_for(lambda: "waitingFor" in tenant.run("c").get("status", {}), seconds=30, what="c waits")
        assert tenant.run("b")["status"]["waitingFor"] == "its turn: it is next, a is under way (limit 1)"
        assert "1 run is ahead of it, a is under way" in tenant.run("c")["status"]["waitingFor"]
        assert "its turn" in tenant.kubectl(ALICE, "get", "pwr").stdout
        tenant.kubectl(ALICE, "patch", "pwr", "a", "--type=merge", "-p", '{"spec":{"cancel":true}}')
        tenant.phase("b", "Running")
        assert tenant.run("a")["status"]["phase"] == "Cancelled"
        assert tenant.run("c")["status"]["phase"] == "Pending"

    def test_replace(self, tenant: Tenant) -> None:
        self.apply(tenant, limit=1, onLimit="replace")
        tenant.start("deploy", name="a")
        tenant.running_pod("a")
        tenant.start("deploy", name="b")
        tenant.phase("b", "Running")
        assert tenant.run("a")["status"]["phase"] == "Cancelled"

    def test_reject(self, tenant: Tenant) -> None:
        self.apply(tenant, limit=1, onLimit="reject")
        tenant.start("deploy", name="a")
        tenant.phase("a", "Running")
        tenant.start("deploy", name="b")
        refused = tenant.finished("b")["status"]
        assert (refused["phase"], refused["error"]["code"]) == ("Failed", "CONCURRENCY_LIMIT")
        assert tenant.of_run("job", "b") == []


def test_one_idempotency_key_is_one_run_whoever_uses_it(tenant: Tenant) -> None:
    tenant.apply(a_workflow("order", a_step("work", "echo done", runtime="bash")))
    for name in ("first", "second"):
        run = {
            "apiVersion": "penstock.dev/v1alpha1",
            "kind": "WorkflowRun",
            "metadata": {"name": name},
            "spec": {"workflow": {"name": "order"}, "idempotencyKey": "march"},
        }
        tenant.kubectl(ALICE, "create", "-f", "-", stdin=run)
        tenant.finished(name)
    assert tenant.run("first")["status"]["phase"] == "Succeeded"
    refused = tenant.run("second")["status"]["error"]
    assert refused["code"] == "IDEMPOTENCY_KEY_USED"
    assert "run first" in refused["reason"]
    assert tenant.of_run("job", "second") == []


def _later(run: Json) -> bool:
    made = datetime.fromisoformat(run["metadata"]["creationTimestamp"])
    return (datetime.now(made.tzinfo) - made).total_seconds() > 1.5  # noqa: TID251  the server's time is this machine's
