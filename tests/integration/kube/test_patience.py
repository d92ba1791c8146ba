"""Attempts that do not come to run, or not to their end, on the fault server: what is said of them, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from penstock.adapters.kube.pod_minder import Patience
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, closed, ends, status
from tests.support.eventually import eventually

SHORT = Patience(image=0.05, secret=0.05, silence=0.05, ending=0.05)
LONG = Patience(image=600, secret=600, silence=600, ending=600)
BUSY = a_workflow(a_step("only"), a_step("quick"), a_step("next", needs=("quick",)))
"""What is known of one step is written down with the news of another."""


def message(server: ApiServer) -> str:
    said: str = status(server).get("steps", {}).get("only", {}).get("message", "")
    return said


@pytest.mark.parametrize(
    ("reason", "code"),
    [("ImagePullBackOff", "IMAGE_PULL_FAILED"), ("CreateContainerConfigError", "CONTAINER_CONFIG_INVALID")],
)
async def test_a_container_that_cannot_be_made_fails_its_attempt_in_the_clusters_words(
    server: ApiServer, kubelet: Kubelet, reason: str, code: str
):
    kubelet.orders["only"] = Order(waiting={"reason": reason, "message": "it was not found: not there"})
    async with operating(server, patience=SHORT):
        ask(server)
        await ends(server)
        await eventually(lambda: not server.names("pods") and closed(server))

    assert status(server)["error"]["code"] == code
    assert f"{reason}: it was not found: not there" in status(server)["error"]["reason"]


async def test_an_image_that_stumbles_is_waited_for_and_said(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(waiting={"reason": "ErrImagePull", "message": "connection reset"})
    async with operating(server, patience=LONG):
        ask(server, BUSY)
        await eventually(lambda: message(server))

    assert message(server) == "the image cannot be had: ErrImagePull: connection reset"
    assert status(server)["phase"] == "Running"


async def test_a_pod_that_no_node_takes_is_waited_for_and_said(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(unscheduled="0/1 nodes are available: 1 Insufficient memory.")
    async with operating(server, patience=SHORT):
        ask(server, BUSY)
        await eventually(lambda: message(server))

    assert message(server) == "pod is not scheduled: 0/1 nodes are available: 1 Insufficient memory."
    assert status(server)["phase"] == "Running"


def warning(server: ApiServer, pod: str, text: str, moment: str) -> None:
    about = {"kind": "Pod", "name": pod, "uid": server.get("pods", pod)["metadata"]["uid"]}
    meta = {"name": f"{pod}.{moment}", "namespace": "default"}
    event: dict[str, Any] = {"metadata": meta, "involvedObject": about, "type": "Warning"}
    server.put("events", {**event, "reason": "FailedMount", "message": text, "lastTimestamp": moment})


async def test_a_pod_that_cannot_be_made_ready_says_what_the_cluster_warns_of(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(waiting={"reason": "ContainerCreating"})
    kubelet.orders["quick"] = Order(end=asyncio.Event())
    async with operating(server, patience=SHORT):
        ask(server, BUSY)
        await eventually(lambda: any("-only-" in name for name in server.names("pods")))
        pod = next(name for name in server.names("pods") if "-only-" in name)
        warning(server, pod, "an older word", "2026-01-02T12:00:03Z")
        warning(server, pod, 'configmap "ca" not found', "2026-01-02T12:00:09Z")
        await eventually(lambda: ("GET", "/api/v1/namespaces/default/events") in server.requests)
        assert kubelet.orders["quick"].end is not None
        kubelet.orders["quick"].end.set()
        await eventually(lambda: message(server), seconds=20)

    assert message(server) == 'the pod cannot be made ready: FailedMount: configmap "ca" not found'


async def test_a_secret_that_is_missing_fails_its_attempt_with_a_word_of_its_own(server: ApiServer, kubelet: Kubelet):
    said = "couldn't find key PASSWORD in Secret default/db"
    kubelet.orders["only"] = Order(waiting={"reason": "CreateContainerConfigError", "message": said})
    async with operating(server, patience=replace(LONG, secret=0.05)):
        ask(server)
        await ends(server)

    error = status(server)["error"]
    assert (error["code"], error["reason"]) == ("SECRET_MISSING", f"a Secret is missing: {said}")


async def test_a_secret_that_cannot_be_mounted_is_missing_too(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(waiting={"reason": "ContainerCreating"})
    async with operating(server, patience=replace(LONG, secret=0.05, silence=0.05)):
        ask(server)
        await eventually(lambda: server.names("pods"))
        text = 'MountVolume.SetUp failed for volume "secret-0" : secret "db" not found'
        warning(server, server.names("pods")[0], text, "2026-01-02T12:00:09Z")
        await ends(server)

    assert status(server)["error"]["code"] == "SECRET_MISSING"


async def test_a_secret_that_comes_late_is_waited_for(server: ApiServer, kubelet: Kubelet):
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "db" not found'}
    kubelet.orders["only"] = Order(waiting=waiting)
    async with operating(server, patience=LONG):
        ask(server, BUSY)
        await eventually(lambda: message(server))

    assert message(server) == 'a Secret is missing: secret "db" not found'
    assert status(server)["phase"] == "Running"


async def test_a_quota_that_is_used_up_is_waited_for_and_said(server: ApiServer, kubelet: Kubelet):
    said = 'pods "only" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1'
    full = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": said}
    server.faults += [Fault("POST", "/pods$", status=403, body=full) for _ in range(3)]
    async with operating(server, patience=Patience(quota=0.05)):
        ask(server)
        await ends(server)

    assert not server.faults
    assert status(server)["phase"] == "Succeeded"
    assert len(kubelet.started) == len(server.names("jobs")) == 1


async def test_a_step_that_waits_for_a_quota_says_so(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["quick"] = Order(end=asyncio.Event())
    full = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "exceeded quota: small"}
    server.faults.append(Fault("POST", "/pods$", status=403, body=full))
    async with operating(server, patience=Patience(quota=600)):
        ask(server, BUSY)
        await eventually(lambda: kubelet.started)
        for order in kubelet.orders.values():
            if order.end is not None:
                order.end.set()
        await eventually(lambda: any("quota" in step.get("message", "") for step in status(server)["steps"].values()))

    messages = [step.get("message") for step in status(server)["steps"].values()]
    assert "the quota is used up: exceeded quota: small" in messages


async def test_a_program_that_was_killed_waits_for_the_reason(server: ApiServer, kubelet: Kubelet):
    told = asyncio.Event()
    kubelet.orders["only"] = Order(killed_by="OOMKilled", told=told)
    async with operating(server):
        ask(server)
        await eventually(lambda: kubelet.started and server.logs[kubelet.started[0]].ended)
        for _ in range(1000):
            # Server and operator share this loop: by then the record has been read.
            await asyncio.sleep(0)
        told.set()
        await ends(server)

    assert status(server)["error"]["code"] == "OOM_KILLED"


async def test_a_pod_whose_node_never_reports_its_end_is_given_up(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server, patience=SHORT):
        ask(server)
        await eventually(lambda: kubelet.started)
        pod = server.get("pods", kubelet.started[0])
        pod["metadata"]["deletionTimestamp"] = "2026-01-02T12:00:20Z"
        server.put("pods", pod)
        await ends(server)

    assert status(server)["error"]["code"] == "NODE_LOST"
