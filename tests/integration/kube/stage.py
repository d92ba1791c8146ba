"""Runs on the fault server: asking for them, voting, seeing how they stand."""

from __future__ import annotations

from typing import Any

from penstock.api.v1alpha1.run import RequestedBy
from penstock.api.v1alpha1.workflow import Workflow
from penstock.testing.builders import a_gate, a_run, a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.support.eventually import eventually

OURS = "/apis/penstock.dev/v1alpha1/namespaces/default"
ONE = a_workflow(a_step("only"))
GATED = a_workflow(
    a_step("first"),
    a_gate("release", "alice", needs=("first",)),
    a_step("last", needs=("release",)),
)


def ask(server: ApiServer, workflow: Workflow = ONE, name: str = "order-1") -> None:
    if "order" not in server.names("workflows"):
        server.put("workflows", workflow.to_wire())
    server.put("workflowruns", a_run(name=name, requested_by=RequestedBy(user="bob")).to_wire())


def status(server: ApiServer, name: str = "order-1") -> dict[str, Any]:
    found: dict[str, Any] = server.get("workflowruns", name).get("status", {})
    return found


def finished(server: ApiServer, name: str = "order-1") -> bool:
    return status(server, name).get("phase") in ("Succeeded", "Failed", "Cancelled", "TimedOut")


def closed(server: ApiServer) -> bool:
    jobs = [server.get("jobs", name) for name in server.names("jobs")]
    return all(job.get("status", {}).get("conditions") for job in jobs)


def approve(server: ApiServer) -> None:
    """As alice, as soon as she is asked."""
    for name in server.names("approvalrequests"):
        request = server.get("approvalrequests", name)
        if not request["spec"].get("decisions"):
            vote = {"by": "alice", "verdict": "approve", "digest": request["spec"]["request"]["digest"]}
            request["spec"]["decisions"] = [vote]
            server.put("approvalrequests", request)


async def ends(server: ApiServer) -> None:
    def over() -> bool:
        approve(server)
        return finished(server)

    await eventually(over, seconds=20, what=f"the run stands at {status(server)}")
