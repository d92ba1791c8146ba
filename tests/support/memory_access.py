"""A world in memory in which the test says what becomes of runs, who may reach what, and when the API is away."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.engine.digests import APPROVAL_SCHEME, canonical
from penstock.engine.model import AttemptId
from penstock.errors import Forbidden, NotFound, PenstockError
from penstock.ports.access import Access, Actor, Key
from penstock.ports.logs import LogCursor, LogPiece
from penstock.testing.memory_world import MemoryWorld

ME = Actor("me@laptop", "local")

ORDER = {
    "description": "Process a customer order with payment validation.",
    "inputs": {
        "type": "object",
        "required": ["customer_id"],
        "properties": {
            "customer_id": {"type": "string", "pattern": "^CUST-[0-9]+$", "description": "Customer number"},
            "order_total": {"type": "number", "minimum": 0},
        },
    },
    "steps": [{"name": "charge", "script": {"runtime": "bash", "source": "true"}}],
}


def a_workflow(name: str = "order-processing", namespace: str = "shop", **spec: Any) -> Workflow:
    metadata = {"name": name, "namespace": namespace, **spec.pop("metadata", {})}
    return Workflow.model_validate({"metadata": metadata, "spec": {**ORDER, **spec}})


def key_of(thing: WorkflowRun | Workflow | ApprovalRequest) -> Key:
    return Key(thing.metadata.namespace, thing.metadata.name)


class World:
    """Workflows, runs and gates for every caller; each reaches them through an Access of their own."""

    def __init__(self, *workflows: Workflow, local: bool = False) -> None:
        self.memory = MemoryWorld(local=local)
        self.logs: dict[tuple[Key, str], list[bytes]] = {}
        self.trouble: PenstockError | None = None
        """What every call raises, while it is set."""
        self.on_create: Callable[[WorkflowRun], object] = lambda run: None
        self.creators: list[Actor] = []
        for workflow in workflows:
            self.put(workflow)

    def access(self, actor: Actor = ME, *, namespaces: tuple[str, ...] | None = None) -> Access:
        """What one caller can reach: `namespaces`, or everything."""
        plain = self.memory.access(actor.user, client=actor.client, groups=actor.groups)

        def check(*arguments: Any) -> None:
            if self.trouble is not None:
                raise self.trouble
            if namespaces is not None and _namespace(*arguments) not in namespaces:
                raise Forbidden(f"{actor.user} may not do that in {_namespace(*arguments) or 'the whole cluster'}")

        def created(run: WorkflowRun) -> None:
            self.creators.append(actor)
            self.on_create(run)

        guarded: dict[str, Any] = {
            "workflows": _Guarded(plain.workflows, check),
            "runs": _Guarded(_Creating(plain.runs, created), check),
            "approvals": _Guarded(plain.approvals, check),
            "outputs": _Guarded(plain.outputs, check),
            "connections": _Guarded(plain.connections, check),
            "logs": _Guarded(_Logs(self.logs), check),
        }
        return Access(caller=plain.caller, local=plain.local, **guarded)

    @property
    def runs(self) -> dict[Key, WorkflowRun]:
        return {key_of(run): run for run in self.memory.runs.all()}

    def put(self, workflow: Workflow) -> None:
        stored = self.memory.workflows.find(key_of(workflow))
        if stored is None:
            self.memory.workflows.insert(workflow)
        else:
            self.memory.workflows.replace(workflow.model_copy(update={"metadata": stored.metadata}), new_spec=True)

    def drop(self, namespace: str, name: str) -> None:
        self.memory.workflows.remove(Key(namespace, name))

    def change(self, key: Key, **status: Any) -> None:
        """Set fields of a run's status, in their wire form."""
        run = self.memory.runs.get(key)
        wire = run.to_wire()
        self.memory.runs.replace(WorkflowRun.model_validate({**wire, "status": {**wire.get("status", {}), **status}}))

    def succeed(self, key: Key, output: Any = None) -> None:
        self.change(key, phase="Succeeded", progress="1/1", output=output)

    def fail(self, key: Key, step: str = "charge") -> None:
        error = {"code": "CARD_DECLINED", "reason": "the card was declined", "step": step}
        self.change(key, phase="Failed", error=error)

    def ask(self, key: Key, message: str = "Release the order?", subject: Any = None) -> Key:
        """Stop the run at a gate, with its ApprovalRequest."""
        text = canonical(subject if subject is not None else {"run": key.name, "context": {"total": 700}}).decode()
        digest = "sha256:" + hashlib.sha256(f"{APPROVAL_SCHEME}\n{text}".encode()).hexdigest()
        expires = (self.memory.clock.now() + timedelta(days=1)).isoformat()
        gate = Key(key.namespace, f"{key.name}-release-gate")
        request = {
            "run": {"name": key.name, "uid": "u1"},
            "step": "release",
            "attempt": 1,
            "digest": digest,
            "subject": text,
            "requestedBy": {"user": "system:serviceaccount:shop:agent", "client": "sa:shop:agent"},
            "approvers": {"users": ["lead@example.com"], "groups": ["order-leads"]},
            "quorum": 1,
            "message": message,
            "expiresAt": expires,
            "nonce": "n",
        }
        metadata = {"name": gate.name, "namespace": gate.namespace}
        self.memory.approvals.insert(
            ApprovalRequest.model_validate({"metadata": metadata, "spec": {"request": request}})
        )
        waiting = {"name": gate.name, "round": 1, "digest": digest, "expiresAt": expires}
        steps = {"release": {"phase": "Waiting", "gate": waiting, "attempt": 1}}
        self.change(key, phase="Waiting", progress="1/3", steps=steps)
        return gate

    def approval(self, key: Key) -> ApprovalRequest:
        return self.memory.approvals.get(key)

    def settle(self, key: Key, phase: str) -> None:
        request = self.approval(key)
        status = request.status.model_copy(update={"phase": phase})
        self.memory.approvals.replace(request.model_copy(update={"status": status}))

    def forge(self, key: Key, **request: Any) -> None:
        """Change what an ApprovalRequest asks."""
        stored = self.approval(key)
        spec = stored.spec.model_copy(update={"request": stored.spec.request.model_copy(update=request)})
        self.memory.approvals.replace(stored.model_copy(update={"spec": spec}))


class _Guarded:
    """Every call passes a check first."""

    def __init__(self, inner: Any, check: Callable[..., None]) -> None:
        self._inner = inner
        self._check = check

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def guarded(*arguments: Any, **more: Any) -> Any:
            self._check(*arguments)
            return method(*arguments, **more)

        return guarded


class _Creating:
    """Runs, with a word to the test when one is created."""

    def __init__(self, runs: Any, created: Callable[[WorkflowRun], None]) -> None:
        self._runs = runs
        self._created = created

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        made: WorkflowRun = await self._runs.create(run)
        self._created(made)
        return made


class _Logs:
    def __init__(self, kept: dict[tuple[Key, str], list[bytes]]) -> None:
        self._kept = kept

    async def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        if attempt.batch is not None and attempt.attempt > 1:
            raise NotFound(f"batch {attempt.batch} was tried once")
        start = offset = after.offset if after else 0
        step = attempt.step if attempt.batch is None else f"{attempt.step}#{attempt.batch}"
        text = b"".join(self._kept.get((key_of(run), step), []))
        for place in range(start, len(text), 1000):
            data = text[place : place + 1000]
            offset += len(data)
            yield LogPiece(data, LogCursor(attempt.attempt, offset, attempt.batch))


def _namespace(*arguments: Any) -> str | None:
    (first, *_) = arguments
    if isinstance(first, Key):
        return first.namespace
    return first if first is None or isinstance(first, str) else str(first.metadata.namespace)
