"""Objects that somebody bent by hand: they end with a reason or are left alone, and everything else goes on."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from penstock.api.v1alpha1.run import RequestedBy
from penstock.api.v1alpha1.workflow import Step
from penstock.testing.builders import a_gate, a_run, a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"deeper": DEEP}


def a_fan_out(**items: Any) -> dict[str, Any]:
    fields = {"total": 3, "digest": "x", **items}
    return {"phase": "Running", "steps": {"only": {"phase": "Running", "items": fields}}}


STATUSES: dict[str, dict[str, Any]] = {
    "a phase that nobody knows": {"phase": "Dancing"},
    "a step's phase that nobody knows": {"phase": "Running", "steps": {"only": {"phase": "Dancing", "attempt": 1}}},
    "a number for a map of steps": {"phase": "Running", "steps": 7},
    "a negative attempt": {"phase": "Running", "steps": {"only": {"phase": "Running", "attempt": -3}}},
    "a negative attempt of a batch": {
        "phase": "Running",
        "steps": {
            "only": {
                "phase": "Running",
                "items": {"total": 1, "digest": "x", "active": {"0": {"phase": "Running", "attempt": -1}}},
            }
        },
    },
    "a step that is not in the Workflow": {"phase": "Running", "steps": {"other": {"phase": "Running", "attempt": 1}}},
    "the UID of a Job that never was": {
        "phase": "Running",
        "steps": {"only": {"phase": "Running", "attempt": 1, "digest": "sha256:x", "uid": "no-such"}},
    },
    "another digest than what would run": {
        "phase": "Running",
        "steps": {"only": {"phase": "Starting", "attempt": 1, "digest": "sha256:forged"}},
    },
    "a gate without a request": {
        "phase": "Waiting",
        "steps": {"only": {"phase": "Waiting", "gate": {"name": "x", "round": 1, "digest": "y", "expiresAt": "never"}}},
    },
    "items that are no items": a_fan_out(succeeded="9-1,bits:%%"),
    "more items than there can be": a_fan_out(total=10**12),
    "a stretch of items without end": a_fan_out(succeeded="0-99999999999999"),
    "no item in a batch": a_fan_out(itemsPerPod=0),
    "a batch without a number": a_fan_out(active={"first": {"phase": "Running", "attempt": 1}}),
    "a batch that dances": a_fan_out(active={"0": {"phase": "Dancing", "attempt": 1}}),
    "an output of no item": a_fan_out(outputs={"x": 1}),
    "a revision that is not there": {"phase": "Running", "revision": {"name": "order-0", "digest": "sha256:0"}},
    "an end without a beginning": {"finishedAt": "2026-01-02T12:00:00Z"},
    "a year that is no year": {"phase": "Running", "startedAt": "99999-99-99T99:99:99Z"},
}

RUNS: dict[str, dict[str, Any]] = {
    "no spec": {},
    "a spec that is a list": {"spec": []},
    "a Workflow that is not there": {"spec": {"workflow": {"name": "nowhere"}}},
    "a name of nothing but direction marks": {"spec": {"workflow": {"name": "\u202e\u2066\u200b"}}},
    "a context that is a text": {"spec": {"workflow": {"name": "order"}, "context": "all of it"}},
    "a context of two hundred levels": {"spec": {"workflow": {"name": "order"}, "context": DEEP}},
    "a run that retries itself": {"spec": {"workflow": {"name": "order"}, "retryOf": "poison"}},
    "a run that is its own child": {
        "spec": {
            "workflow": {"name": "order"},
            "parent": {"run": "poison", "uid": "x", "step": "only", "attempt": 1, "digest": "d", "lineage": []},
        }
    },
    "steps in a circle": {
        "spec": {
            "inline": {
                "steps": [
                    {"name": "a", "needs": ["b"], "script": {"runtime": "bash", "source": "true"}},
                    {"name": "b", "needs": ["a"], "script": {"runtime": "bash", "source": "true"}},
                ]
            }
        }
    },
    "five thousand steps": {
        "spec": {
            "inline": {
                "steps": [
                    {"name": f"s{number}", "script": {"runtime": "bash", "source": "true"}} for number in range(5000)
                ]
            }
        }
    },
    "an expression of brackets": {
        "spec": {
            "inline": {"steps": [{"name": "a", "when": "(" * 5000, "script": {"runtime": "bash", "source": "true"}}]}
        }
    },
}


def poisoned(**parts: Any) -> dict[str, Any]:
    fields = {"apiVersion": "penstock.dev/v1alpha1", "kind": "WorkflowRun", "metadata": {"name": "poison"}}
    return {**fields, **copy.deepcopy(parts)}


async def goes_on(server: ApiServer, kubelet: Kubelet) -> None:
    """An operator that has the poison before it, from its start and when it comes, does the others' work."""
    kubelet.orders["only"] = Order(output=1)
    ask(server, name="before")
    async with operating(server) as operator:
        await eventually(lambda: finished(server, "before"), what=f"{status(server, 'before')}")
        for plural in ("workflowruns", "approvalrequests", "jobs", "pods"):
            if "poison" in server.names(plural):
                server.put(plural, server.get(plural, "poison"))
        ask(server, name="after")
        await eventually(lambda: finished(server, "after"), what=f"{status(server, 'after')}")
        assert [status(server, name)["phase"] for name in ("before", "after")] == ["Succeeded", "Succeeded"]
        if "poison" in server.names("workflowruns"):
            await eventually(lambda: finished(server, "poison"), what=f"{status(server, 'poison')}")
            assert status(server, "poison").get("error", {}).get("reason") or _went_well(server)
        assert not operator.done()


def _went_well(server: ApiServer) -> bool:
    """What was bent did not matter, and the run came to its end by itself."""
    return bool(status(server, "poison")["phase"] == "Succeeded" and status(server, "poison").get("finishedAt"))


@pytest.mark.parametrize("bent", STATUSES.values(), ids=STATUSES)
async def test_a_status_that_was_edited_by_hand(server: ApiServer, kubelet: Kubelet, bent: dict[str, Any]):
    server.put("workflows", a_workflow(a_step("only")).to_wire())
    server.put("workflowruns", a_run(name="poison", requested_by=RequestedBy(user="bob")).to_wire())
    server.set_status("workflowruns", "poison", copy.deepcopy(bent))
    await goes_on(server, kubelet)


@pytest.mark.parametrize("bent", RUNS.values(), ids=RUNS)
async def test_a_run_that_nobody_should_have_let_pass(server: ApiServer, kubelet: Kubelet, bent: dict[str, Any]):
    server.put("workflowruns", poisoned(**bent))
    await goes_on(server, kubelet)


@pytest.mark.parametrize("plural", ["jobs", "pods"])
@pytest.mark.parametrize(
    "notes",
    [
        None,
        {},
        {"penstock.dev/step": "only"},
        {"penstock.dev/step": "only", "penstock.dev/attempt": "many", "penstock.dev/digest": "d"},
        {"penstock.dev/step": "only", "penstock.dev/attempt": "1", "penstock.dev/batch": "-", "penstock.dev/nonce": ""},
    ],
)
@pytest.mark.parametrize("owned", [True, False])
async def test_a_job_or_pod_with_our_label_and_notes_of_somebody_else(
    server: ApiServer, kubelet: Kubelet, plural: str, notes: dict[str, str] | None, owned: bool
):
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "before", "uid": "nobody", "controller": True}
    meta: dict[str, Any] = {"name": "poison", "labels": {"penstock.dev/run": "before"}, "annotations": notes}
    meta["ownerReferences"] = [owner] if owned else None
    odd = {"containerStatuses": None, "conditions": None, "phase": "Odd"}
    spec = {"managedBy": "penstock.dev/operator", "template": {"metadata": {"labels": {}}, "spec": {}}}
    kubelet.deaf_to.add("poison")
    server.put(plural, {"metadata": meta, "spec": spec, "status": odd})
    await goes_on(server, kubelet)


@pytest.mark.parametrize(
    "spec",
    [{}, {"request": None}, {"request": {"run": {"uid": "x", "name": "before"}}, "decisions": "all"}, []],
)
async def test_a_request_that_asks_nothing(server: ApiServer, kubelet: Kubelet, spec: Any):
    server.put("approvalrequests", {"metadata": {"name": "poison"}, "spec": spec})
    await goes_on(server, kubelet)
    server.remove("approvalrequests", "poison")


async def test_a_request_that_asks_nothing_is_deleted(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=1)
    server.put("approvalrequests", {"metadata": {"name": "poison"}, "spec": {}})
    async with operating(server) as operator:
        server.remove("approvalrequests", "poison")
        ask(server)
        await eventually(lambda: finished(server))
        assert not operator.done()


async def test_votes_that_are_none(server: ApiServer, kubelet: Kubelet):
    """They are not counted, and the gate still opens by one that is."""
    gated = a_workflow(a_gate("release", "alice"), a_step("only", needs=("release",)))
    ask(server, gated)
    kubelet.orders["only"] = Order(output=1)
    async with operating(server):
        await eventually(lambda: server.names("approvalrequests"))
        (name,) = server.names("approvalrequests")
        request = server.get("approvalrequests", name)
        digest = request["spec"]["request"]["digest"]
        votes = [{"by": "\u202ealice", "verdict": "approve", "digest": digest}]
        server.put("approvalrequests", {**request, "spec": {**request["spec"], "decisions": votes}})
        votes = [*votes, {"by": "alice", "verdict": "approve", "digest": digest}]
        await eventually(lambda: status(server)["phase"] == "Waiting")
        server.put("approvalrequests", {**request, "spec": {**request["spec"], "decisions": votes}})
        await eventually(lambda: finished(server))
    assert status(server)["steps"]["release"]["gate"]["decidedBy"] == ["alice"]


async def test_a_connection_that_nobody_can_read_fails_the_step_and_is_named(server: ApiServer, kubelet: Kubelet):
    server.put(
        "connections", {"metadata": {"name": "shop", "namespace": "default"}, "spec": {"type": "carrier-pigeon"}}
    )
    async with operating(server):
        ask(server, a_workflow(Step.model_validate({"name": "only", "http": {"connection": "shop"}})))
        await eventually(lambda: finished(server))

    assert status(server)["phase"] == "Failed"
    assert "Connection default/shop is not valid" in status(server)["error"]["reason"]
    assert not server.names("jobs")


async def test_a_revision_whose_labels_nobody_can_read(server: ApiServer, kubelet: Kubelet):
    """Looking for old revisions fails for as long as it is there, and holds up nobody."""
    labels = {"penstock.dev/workflow": {"not": "a text"}}
    server.put("controllerrevisions", {"metadata": {"name": "poison", "labels": labels}, "data": {}})
    await goes_on(server, kubelet)
