"""Whole runs on the fault server: the writes that they cost, and what crashes, rivals and a dim view do to them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from penstock.adapters.kube.revisions import revision_of
from penstock.api.v1alpha1.run import RequestedBy
from penstock.testing.builders import a_gate, a_run, a_step, a_workflow
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import a_side, operate, operating
from tests.integration.kube.stage import GATED, ONE, OURS, approve, ask, closed, ends, finished, status
from tests.support.eventually import eventually


async def test_a_one_step_run_costs_five_writes(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output={"n": 1, "nothing": None})
    server.put("workflows", ONE.to_wire())
    async with operating(server):
        await eventually(lambda: server.names("controllerrevisions"))
        await eventually(lambda: server.get("workflows", "order").get("status"))
        before = len(server.writes())
        ask(server)
        await ends(server)
        await eventually(lambda: closed(server))

        job = server.names("jobs")[0]
        # The ends of the logs are kept after the end of the run, and not counted.
        writes = [each for each in server.writes()[before:] if not each[1].endswith("/configmaps")]
        assert writes[:3] == [
            ("PATCH", f"{OURS}/workflowruns/order-1/status"),
            ("POST", "/apis/batch/v1/namespaces/default/jobs"),
            ("POST", "/api/v1/namespaces/default/pods"),
        ]
        # The result comes with the log, the pod's end by another way: which is first is chance.
        assert sorted(writes[3:]) == [
            ("PATCH", f"/apis/batch/v1/namespaces/default/jobs/{job}/status"),
            ("PATCH", f"{OURS}/workflowruns/order-1/status"),
        ]
    assert status(server)["output"] == {"n": 1, "nothing": None}
    assert server.get("jobs", server.names("jobs")[0])["status"]["succeeded"] == 1


async def test_closing_a_job_lets_programs_of_others_start_first(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["slow"] = Order(waiting={"reason": "ContainerCreating"})
    async with operating(server):
        ask(server, a_workflow(a_step("quick"), a_step("slow")))
        await eventually(lambda: status(server).get("steps", {}).get("quick", {}).get("phase") == "Succeeded")
        names = {name: "quick" in name for name in server.names("jobs")}
        [quick] = [name for name in names if names[name]]
        [slow] = [name for name in names if not names[name]]
        await eventually(lambda: server.get("pods", quick)["status"]["phase"] == "Succeeded")
        assert "status" not in server.get("jobs", quick)

        running = {"name": "step", "state": {"running": {"startedAt": "2026-01-02T12:00:01Z"}}}
        server.set_status("pods", slow, {"phase": "Running", "containerStatuses": [running]})
        await eventually(lambda: server.get("jobs", quick).get("status"))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 17))
async def test_an_operator_that_dies_at_any_write_changes_nothing_of_the_end(
    server: ApiServer, kubelet: Kubelet, moment: str, write: int
):
    ask(server, GATED)
    task = asyncio.create_task(operate(server, f"{moment}:{write}"))

    def dead_or_done() -> bool:
        approve(server)
        return task.done() or (finished(server) and closed(server))

    await eventually(dead_or_done, seconds=20)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with operating(server):
        await ends(server)
        await eventually(lambda: closed(server))

    assert status(server)["phase"] == "Succeeded"
    assert len(server.names("jobs")) == 2
    assert kubelet.started == [*dict.fromkeys(kubelet.started)], "a program was started twice"
    assert len(server.names("approvalrequests")) == 1


async def test_two_operators_at_once_make_one_job_an_attempt(server: ApiServer, kubelet: Kubelet):
    async with operating(server), operating(server):
        ask(server, GATED)
        await ends(server)

    assert status(server)["phase"] == "Succeeded"
    assert len(kubelet.started) == len(server.names("jobs")) == 2


@pytest.mark.parametrize(
    "path", ["/workflowruns/order-1/status", "/jobs", "/pods", "/approvalrequests", "/controllerrevisions"]
)
@pytest.mark.parametrize("carried_out", [True, False], ids=["answer lost", "refused"])
async def test_a_write_of_unknown_fate_is_looked_into(
    server: ApiServer, kubelet: Kubelet, path: str, carried_out: bool
):
    method = "PATCH" if path.endswith("status") else "POST"
    server.faults.append(Fault(method, f"{path}$", status=503, carried_out=carried_out))
    async with operating(server):
        ask(server, GATED)
        await ends(server)

    assert not server.faults
    assert status(server)["phase"] == "Succeeded"
    assert len(kubelet.started) == len(server.names("jobs")) == 2


async def test_a_finished_pod_is_read_by_the_next_operator(server: ApiServer, kubelet: Kubelet):
    end = asyncio.Event()
    kubelet.orders["only"] = Order(output=7, end=end)
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started)
    end.set()
    await eventually(lambda: server.get("pods", kubelet.started[0])["status"]["phase"] == "Succeeded")

    async with operating(server):
        await ends(server)
        await eventually(lambda: closed(server))

    assert status(server)["output"] == 7
    assert len(kubelet.started) == 1


async def test_a_running_pod_is_followed_by_the_next_operator(server: ApiServer, kubelet: Kubelet):
    end = asyncio.Event()
    kubelet.orders["only"] = Order(output=7, end=end)
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started)
    async with operating(server):
        await eventually(lambda: server.watchers)
        end.set()
        await ends(server)

    assert status(server)["output"] == 7
    assert len(kubelet.started) == 1


async def test_a_foreign_job_of_the_same_name_is_not_taken_for_ours(server: ApiServer, kubelet: Kubelet):
    async with operating(server):
        ask(server)
        await ends(server)
    name = server.names("jobs")[0]
    server.remove("pods", name)
    server.remove("workflowruns", "order-1")
    # The run of that name is asked for again under the old UID, and finds a Job that another run owns.
    job = server.get("jobs", name)
    job["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    server.put("jobs", job)
    run = a_run(name="order-1", requested_by=RequestedBy(user="bob")).to_wire()
    run["metadata"]["uid"] = "fixed"
    server.put("workflowruns", run)
    taken = {**job, "metadata": {**job["metadata"], "name": _name_of_first_attempt("fixed"), "uid": "foreign"}}
    server.put("jobs", taken)

    async with operating(server):
        await ends(server)

    assert status(server)["error"]["code"] == "JOB_NAME_CONFLICT"
    assert len(kubelet.started) == 1


def _name_of_first_attempt(uid: str) -> str:
    from penstock.engine.identifiers import attempt_name

    return attempt_name("order-1", uid, "only", 1)


async def test_a_pod_that_vanishes_loses_the_attempt(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started)
        server.remove("pods", kubelet.started[0])
        await ends(server)
        await eventually(lambda: closed(server))

    assert status(server)["error"]["code"] == "LOST"
    assert len(kubelet.started) == 1
    conditions = server.get("jobs", kubelet.started[0])["status"]["conditions"]
    assert [each["type"] for each in conditions] == ["FailureTarget", "Failed"]


async def test_a_pod_that_vanished_while_nobody_looked_is_not_made_again(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["slow"] = Order(end=asyncio.Event())
    both = a_workflow(a_step("slow"), a_step("quick"), a_step("next", needs=("quick",)))
    async with operating(server):
        ask(server, both)
        # What was seen of one step is written down with the next news of another.
        await eventually(lambda: status(server).get("steps", {}).get("slow", {}).get("uid"))
    slow = next(name for name in kubelet.started if "-slow-" in name)
    server.remove("pods", slow)

    async with operating(server):
        await ends(server)

    assert status(server)["steps"]["slow"]["error"]["code"] == "LOST"
    assert kubelet.started.count(slow) == 1


async def test_a_pod_that_was_never_made_is_made_by_the_next_operator(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=7)
    server.faults += [Fault("POST", "/pods$", status=503) for _ in range(100)]
    async with operating(server):
        ask(server)
        await eventually(lambda: server.names("jobs"))
    assert not kubelet.started
    server.faults.clear()

    async with operating(server):
        await ends(server)

    assert status(server)["output"] == 7
    assert len(server.names("jobs")) == len(kubelet.started) == 1


async def test_a_cancelled_run_leaves_nothing_running(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started)
        run = server.get("workflowruns", "order-1")
        run["spec"]["cancel"] = True
        server.put("workflowruns", run)
        await ends(server)
        await eventually(lambda: not server.names("pods") and closed(server))

    assert status(server)["phase"] == "Cancelled"


async def test_an_image_that_cannot_be_named_fails_the_step_and_leaves_no_pod(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(waiting={"reason": "InvalidImageName", "message": "no such image"})
    async with operating(server):
        ask(server)
        await ends(server)
        await eventually(lambda: not server.names("pods") and closed(server))

    assert status(server)["error"]["code"] == "IMAGE_PULL_FAILED"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        pytest.param(Order(code="CARD_DECLINED", reason="no"), "CARD_DECLINED", id="the script says why"),
        pytest.param(Order(silent=True, exit_code=3), "CONTAINER_FAILED", id="an exit code alone"),
        pytest.param(Order(silent=True), "LOST", id="nothing at all"),
    ],
)
async def test_a_step_that_fails_says_why(server: ApiServer, kubelet: Kubelet, order: Order, code: str):
    kubelet.orders["only"] = order
    async with operating(server):
        ask(server)
        await ends(server)

    assert status(server)["error"]["code"] == code


async def test_a_run_is_driven_through_a_dim_view(server: ApiServer, kubelet: Kubelet):
    async with operating(server):
        ask(server, GATED)
        for _ in range(20):
            server.cut_watches()
            server.forget_history()
            server.say_error(500, "etcdserver: leader changed")
            await asyncio.sleep(0)
        await ends(server)

    assert status(server)["phase"] == "Succeeded"
    assert len(kubelet.started) == 2


async def test_a_workflow_that_cannot_run_says_all_and_its_runs_fail_at_once(server: ApiServer, kubelet: Kubelet):
    broken = a_workflow(a_step("a", needs=("missing",)), a_step("b", runtime="cobol"))
    async with operating(server):
        ask(server, broken)
        await ends(server)
        await eventually(lambda: server.get("workflows", "order").get("status", {}).get("conditions"))

    condition = server.get("workflows", "order")["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("Ready", "False")
    assert "missing" in condition["message"]
    assert "cobol" in condition["message"]
    assert status(server)["phase"] == "Failed"
    assert server.names("jobs") == server.names("controllerrevisions") == []


async def test_a_workflow_that_did_not_change_is_not_written_again(server: ApiServer, kubelet: Kubelet):
    server.put("workflows", ONE.to_wire())
    async with operating(server):
        await eventually(lambda: server.get("workflows", "order").get("status"))
    before = server.writes()
    async with operating(server):
        ask(server)
        await ends(server)

    assert not [path for _, path in server.writes()[len(before) :] if "workflows/" in path or "revisions" in path]


async def test_a_large_document_arrives_whole(server: ApiServer, kubelet: Kubelet):
    async with operating(server):
        ask(server, a_workflow(a_step("only", "x" * 100_000)))
        await ends(server)

    assert status(server)["phase"] == "Succeeded"
    assert len([name for name in server.names("configmaps") if "-in-" in name]) == 1


async def test_a_run_that_nobody_can_read_fails_with_what_is_wrong(server: ApiServer, kubelet: Kubelet):
    run = a_run(requested_by=RequestedBy(user="bob")).to_wire()
    run["spec"]["inline"] = {"steps": [{"name": "a", "timeout": "soon"}]}
    run["spec"].pop("workflow")
    server.put("workflowruns", run)
    async with operating(server):
        await ends(server)

    assert status(server)["error"]["code"] == "INVALID_INPUT"
    assert "timeout" in status(server)["error"]["reason"]


async def test_content_that_somebody_stored_under_a_revisions_name_is_never_run(server: ApiServer, kubelet: Kubelet):
    """Whoever may create ControllerRevisions may not thereby run content of his own as somebody's Workflow."""
    smuggled = a_workflow(a_step("mine"))
    revision = revision_of("order", smuggled.spec)
    server.put(
        "controllerrevisions",
        {"metadata": {"name": revision.name, "namespace": "default"}, "data": {"spec": smuggled.spec.to_wire()}},
    )
    server.put("workflows", ONE.to_wire())
    run = a_run(requested_by=RequestedBy(user="bob")).to_wire()
    run["spec"]["workflow"]["revision"] = revision.name
    async with operating(server):
        server.put("workflowruns", run)
        await ends(server)

    assert status(server)["phase"] == "Failed"
    assert "not the revision of a Workflow" in status(server)["error"]["reason"]
    assert server.names("jobs") == []


async def test_a_job_that_is_deleted_before_it_was_written_down_is_lost_and_not_made_again(
    server: ApiServer, kubelet: Kubelet
):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started)
        server.remove("jobs", server.names("jobs")[0])
        await ends(server)

    assert (status(server)["phase"], status(server)["error"]["code"]) == ("Failed", "LOST")
    assert len([write for write in server.writes() if write[0] == "POST" and "/jobs" in write[1]]) == 1


async def test_a_vote_that_is_found_when_the_gate_is_asked_again_needs_no_further_event(
    server: ApiServer, kubelet: Kubelet
):
    """A new operator may look at a run before it was told of its request, and ask for what is there already."""
    gated = a_workflow(a_gate("release", "alice"), a_step("last", needs=("release",)))
    async with operating(server):
        ask(server, gated)
        await eventually(lambda: server.names("approvalrequests"))
    approve(server)

    async with a_side(server) as (side, reconciler):
        tasks = [asyncio.create_task(side.follow()), asyncio.create_task(side.work(reconciler.reconcile))]
        side.heard("workflowruns", None, server.get("workflowruns", "order-1"))
        try:
            await eventually(lambda: finished(server), seconds=10)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    assert status(server)["phase"] == "Succeeded"


async def test_a_pod_that_comes_after_its_job_was_closed_is_ended(server: ApiServer, kubelet: Kubelet):
    """Its request was long under way, and whoever sent it had given it up."""
    kubelet.orders["only"] = Order(output=1)
    ask(server)
    async with operating(server):
        await ends(server)
        await eventually(lambda: closed(server))
        (name,) = server.names("pods")
        late = server.get("pods", name)
        assert ("DELETE", f"/api/v1/namespaces/default/pods/{name}") not in server.requests
        server.remove("pods", name)
        kubelet.orders["only"] = Order(end=asyncio.Event())
        server.put("pods", {**late, "metadata": {**late["metadata"], "uid": "late"}, "status": {"phase": "Running"}})
        await eventually(lambda: ("DELETE", f"/api/v1/namespaces/default/pods/{name}") in server.requests)
