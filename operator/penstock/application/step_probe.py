"""Tries from inside of a step what a step should not reach: one run of one step, removed afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunSpec
from penstock.api.v1alpha1.workflow import Script, Step, WorkflowSpec
from penstock.application.diagnosis import Finding, fail, ok, warn
from penstock.application.read_output import output_of
from penstock.application.wait_for_run import wait_for_run
from penstock.engine.model import RunPhase
from penstock.errors import PenstockError
from penstock.ports.access import Access, Key

WHAT = "probe"
SECONDS = 120.0
"""How long the run may take: an image may have to be pulled."""
_SOURCE = """\
import os
import socket


def reached(host, port):
    try:
        socket.create_connection((host, port), 3).close()
    except OSError:
        return False
    return True


def known(name):
    try:
        socket.getaddrinfo(name, 443)
    except OSError:
        return False
    return True


api_server = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
output({
    "api_server": reached(api_server, int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))),
    "metadata": reached("169.254.169.254", 80),
    "names": known("kubernetes.default.svc"),
})
"""


async def probe(access: Access, namespace: str, suffix: str) -> Sequence[Finding]:
    """What a step of this namespace reaches; on the way, that a run works at all."""
    name = f"penstock-doctor-{suffix}"
    step = Step(name="look", script=Script(runtime="python", source=_SOURCE))
    spec = WorkflowRunSpec(inline=WorkflowSpec(steps=(step,)))
    made = None
    try:
        made = await access.runs.create(WorkflowRun(metadata=ObjectMeta(name=name, namespace=namespace), spec=spec))
        ended = await wait_for_run(access, Key(namespace, name), seconds=SECONDS)
        if RunPhase(ended.status.phase) is not RunPhase.SUCCEEDED:
            return [_unsuccessful(ended)]
        return [ok(WHAT, f"A run of one step in {namespace} succeeded."), *_reached(await output_of(access, ended))]
    except PenstockError as error:
        advice = "It takes the rights to create, read and delete WorkflowRuns and to create workflowruns/inline there."
        return [fail(WHAT, f"A run in {namespace} cannot be made: {error}", advice)]
    finally:
        if made is not None:
            with contextlib.suppress(PenstockError):
                await _remove(access, Key(namespace, name))


def _unsuccessful(run: WorkflowRun) -> Finding:
    status = run.status
    why = status.error.reason if status.error else status.waiting_for or "nothing is said"
    steps = [step.message for step in status.steps.values() if step.message]
    text = f"A run of one step stood at {status.phase} after {SECONDS:.0f} s at most: {'; '.join([why, *steps])}"
    return fail(WHAT, text, "The findings above may say why; docs/reference/errors.md has the codes.")


def _reached(output: Mapping[str, Any]) -> Iterator[Finding]:
    if output["metadata"]:
        advice = "Forbid 169.254.169.254 to the pods of steps: networkPolicies.steps of the chart."
        yield warn(
            f"{WHAT}: metadata",
            "Steps reach the metadata address of the cloud, which may hand out credentials.",
            advice,
        )
    else:
        yield ok(f"{WHAT}: metadata", "Steps do not reach the metadata address of a cloud.")
    if output["api_server"]:
        advice = "Add the namespace to networkPolicies.steps, and see that your network keeps such policies."
        yield warn(
            f"{WHAT}: API server",
            "Steps reach the API server; without a token, which they have not, that is little.",
            advice,
        )
    else:
        yield ok(f"{WHAT}: API server", "Steps do not reach the API server.")
    if output["names"]:
        yield ok(f"{WHAT}: names", "Steps can look up names of Services.")
    else:
        advice = "That is how it is with operator.stepDnsPolicy=Default; else look at the cluster's DNS."
        yield warn(f"{WHAT}: names", "Steps cannot look up names of Services.", advice)


async def _remove(access: Access, key: Key) -> None:
    run = await access.runs.get(key)
    if not RunPhase(run.status.phase).finished:
        await access.runs.request_cancel(key)
        run = await wait_for_run(access, key, seconds=30, at_gates=False)
    await access.runs.delete(run)
