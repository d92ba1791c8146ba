"""The Kubernetes adapter's world: a server of faults in place of a cluster, and a node that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.adapters.kube.access import kube_access
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.cluster_side import ClusterSide
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.job_runner import JobRunner
from penstock.adapters.kube.run_ledger import RunLedger
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact
from penstock.engine.model import AttemptId
from penstock.ports.access import Actor, Key
from tests.contract.worlds import Behaviour
from tests.integration.kube.api_server import ApiServer, serving
from tests.integration.kube.conftest import QUICK
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import IMAGES, KINDS, a_side


class OnFaultServer:
    """Clients and the operator's side of one server; watch events of our kinds arrive at once."""

    approver_name = "alice"

    def __init__(self, folder: Path) -> None:
        self._stack = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._server = await self._stack.enter_async_context(serving(ApiServer()))
        self._kubelet = Kubelet(self._server)
        client = await self._stack.enter_async_context(KubeClient.connect(Credentials.fixed(self._server.url), QUICK))
        self.requester = kube_access(client.acting_as(Actor("bob", "agent-7")))
        self.approver = kube_access(client.acting_as(Actor("alice")))
        side, _ = await self._stack.enter_async_context(a_side(self._server))
        self._server.on_commit.append(lambda kind, plural, found: _hear(side, kind, plural, found))
        self.ledger, self.revisions, self.gates = side.ledger, side.revisions, side.gates
        self.outputs = side.outputs
        self.runner = _AsTheEngineDoes(side.runner, side.ledger)
        self.workflows, self.scheduled = side.workflows, side.scheduled
        self._tasks = [asyncio.create_task(side.follow()), asyncio.create_task(self._kubelet.run())]
        await side.sight.synced()

    def program(self, step: str, behaviour: Behaviour) -> Mapping[str, Any]:
        self._kubelet.orders[step] = Order(
            output=behaviour.output,
            prints=behaviour.prints,
            code=behaviour.code,
            reason=behaviour.reason,
            then=behaviour.then,
            end=asyncio.Event() if behaviour.endless or behaviour.then else None,
        )
        return {"kind": "script", "runtime": "bash", "source": "true", "dependencies": [], "image": IMAGES["bash"]}

    def batch_program(self, step: str, behaviour: Behaviour, items: Sequence[tuple[int, Any]]) -> Mapping[str, Any]:
        program = self.program(step, behaviour)
        self._kubelet.orders[step] = Order(
            prints=behaviour.prints * len(items), bad=behaviour.bad, dies_at=behaviour.dies_at
        )
        return program

    def starts(self, step: str) -> int:
        return len([name for name in self._kubelet.started if f"-{step}-" in name])

    async def go_on(self, run: WorkflowRun, step: str) -> None:
        end = self._kubelet.orders[step].end
        assert end is not None
        end.set()

    async def kill(self, run: WorkflowRun, command: StartAttempt) -> None:
        self._server.remove("pods", command.name)

    def alter_output(self, name: str, text: str | None) -> None:
        if text is None:
            self._server.remove("configmaps", name)
        else:
            found = self._server.objects["configmaps", "default", name]
            self._server.put("configmaps", {**found, "data": {"output": text}})

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()


@dataclass
class _AsTheEngineDoes:
    """The runner behind the engine's habits: an attempt is written down first, and runs are read anew each time."""

    runner: JobRunner
    ledger: RunLedger

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        if command.id.batch is not None:
            await self.runner.start(run, command)
            return
        fresh = await self._fresh(run)
        step = StepStatus(phase="Starting", attempt=command.id.attempt, digest=command.digest)
        steps = {**fresh.status.steps, command.id.step: step}
        status = fresh.status.model_copy(update={"phase": "Running", "steps": steps})
        await self.runner.start(await self.ledger.save_status(fresh, status), command)

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        return await self.runner.observe(await self._fresh(run))

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        await self.runner.stop(await self._fresh(run), command)

    async def _fresh(self, run: WorkflowRun) -> WorkflowRun:
        found = await self.ledger.load(Key(run.metadata.namespace, run.metadata.name))
        assert found is not None
        return found


def _hear(side: ClusterSide, kind: str, plural: str, found: dict[str, Any]) -> None:
    # Runs at once too, so that nobody has to wait for their own watch.
    if plural in (*KINDS, "workflowruns"):
        side.heard(plural, kind, found)
