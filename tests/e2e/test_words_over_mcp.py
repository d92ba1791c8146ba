"""Words over MCP on the real cluster: an agent has a plan written and a question answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from examples.ask.demo import ROOT
from tests.e2e.test_ask_in_cluster import Shop, as_list, database, install, shop
from tests.e2e.test_mcp_in_cluster import ACCOUNT, Sayings, an_agent
from tests.support.asking import ALERT
from tests.support.cluster import RELEASE, SYSTEM_NAMESPACE
from tests.support.installation import Installation
from tests.support.tailing import Tail
from tests.support.tenant import ALICE, LEAD, Json, Tenant

__all__ = ["database", "shop"]
STRANGER = "stranger"
QUESTION = "Which orders are late?"
NEXT = "Does anything else need looking at?"


class Agents:
    """ServiceAccounts that call the MCP server out of pods."""

    def __init__(self, tenant: Tenant, installation: Installation) -> None:
        self._tenant, self._image = tenant, installation.images.mcp
        self._pods = 0

    def call(self, tool: str, account: str = ACCOUNT, **arguments: Any) -> Json:
        """What the tool answers, however long it takes."""
        self._pods += 1
        calls, name = json.dumps([[tool, arguments]]), f"agent-{self._pods}"
        place, script = self._tenant.namespace, "calls_in_pod.py"
        pod = an_agent(self._tenant.cluster, place, self._image, calls, script=script, account=account, name=name)
        self._tenant.admin("create", "-f", "-", stdin=pod)
        with Tail(self._tenant.cluster, place, name) as tail:
            found: Json = Sayings(tail).of(tool)
        return found


@pytest.fixture
def agents(tenant: Tenant, installation: Installation) -> Iterator[Agents]:
    """A namespace with two ServiceAccounts that may run Workflows and plans."""
    installation.install(mcp__tenantNamespaces=[tenant.namespace])
    for account in (ACCOUNT, STRANGER):
        tenant.admin("create", "serviceaccount", account)
        # A plan is a definition that nobody had before: to run it takes what authors may.
        words = ("--clusterrole", f"{RELEASE}-author", f"--serviceaccount={tenant.namespace}:{account}")
        tenant.admin("create", "rolebinding", f"{account}-author", *words)
    yield Agents(tenant, installation)
    installation.install()


@pytest.mark.timeout(600, func_only=True)
def test_a_plan_waits_for_people_and_then_does_what_it_says(tenant: Tenant, shop: Shop, agents: Agents) -> None:
    install(tenant, shop)
    planned = agents.call("plan_workflow", goal=ALERT)
    assert planned["status"] == "waiting", planned
    assert "1. orders: GET /Order of shop where customer_name eq Alice" in planned["about"]["plan"]
    assert planned["about"]["recorded"] is True
    (gate,) = planned["approvals"]
    assert gate["message"] == planned["about"]["plan"]
    assert shop.emails() == []

    name = planned["run"].split("/")[1]
    run = tenant.run(name)
    assert run["spec"]["requestedBy"]["user"] == f"system:serviceaccount:{tenant.namespace}:{ACCOUNT}"
    answer = tenant.vote(LEAD, tenant.gate(run, "run_plan"))
    assert answer.returncode == 0, answer.stderr
    done = agents.call("run_plan", run=planned["run"])
    assert done["status"] == "success", done
    assert [row["attributes"]["customer_name"] for row in done["output"]["orders"]["output"]["rows"]] == ["Alice"] * 2
    assert [row["message"] for row in shop.emails(recipient="sales-manager")] == ["Orders: [1]"]


@pytest.mark.timeout(600, func_only=True)
def test_a_question_is_answered_and_the_conversation_outlives_the_server(
    tenant: Tenant, shop: Shop, agents: Agents
) -> None:
    install(tenant, shop)
    documents = list(yaml.safe_load_all((ROOT / "examples" / "ask" / "analyst.yaml").read_text()))
    (model,) = (each for each in documents if each["metadata"]["name"] == "analyst-model")
    model["spec"]["answers"].append({"question": NEXT, "answer": {"text": "Nothing else.", "runs": [], "calls": []}})
    tenant.kubectl(ALICE, "apply", "-f", "-", stdin=as_list(documents))
    for workflow in ("analyst", "late-orders"):
        tenant.workflow_says(workflow, "Ready=True")

    first = agents.call("ask_analyst", question=QUESTION)
    assert first["status"] == "success", first
    output = first["output"]
    assert (output["recorded"], "late" in output["answer"] or "not shipped" in output["answer"]) == (True, True)
    (looked_up,) = output["looked_up"]
    run = tenant.run(looked_up.split("/")[1])
    assert run["spec"]["workflow"]["name"] == "late-orders"
    assert run["spec"]["requestedBy"]["user"] == f"system:serviceaccount:{tenant.namespace}:{ACCOUNT}"
    assert [row["attributes"]["id"] for row in tenant.output(run["status"])] == [1, 2, 3, 4]

    deployment = ("-n", SYSTEM_NAMESPACE, f"deployment/{RELEASE}-mcp")
    tenant.cluster.kubectl("rollout", "restart", *deployment)
    tenant.cluster.kubectl("rollout", "status", *deployment, "--timeout=120s", timeout=150)
    session = output["session_id"]
    again = agents.call("ask_analyst", question=NEXT, session_id=session)
    assert (again["status"], again["output"]["session_id"]) == ("success", session), again
    asked = tenant.cluster.read("-n", tenant.namespace, "pwr")["items"]
    turns = {
        each["spec"]["context"].get("turn"): each["spec"]["context"]
        for each in asked
        if each["spec"].get("workflow", {}).get("name") == "analyst"
    }
    assert turns[2]["conversation"][0]["question"] == QUESTION
    theirs = agents.call("ask_analyst", account=STRANGER, question=QUESTION, session_id=session)
    assert theirs["error"] == "NOT_FOUND", theirs
