"""Auditing a run: its objects are read with the caller's own rights, and the API server's log where there is one."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.audit_trail import AuditTrail, audit_trail
from penstock.application.server_log import LoggedWrite, writes_about
from penstock.engine.identifiers import attempt_name
from penstock.ports.access import Access, Key


async def audit_run(access: Access, key: Key, server_log: Iterable[bytes] = ()) -> AuditTrail:
    """Who asked for the run, what was shown to whom, who decided, what then ran. Raises NotFound, Forbidden."""
    run = await access.runs.get(key)
    requests = await access.approvals.list(key.namespace)
    names = {request.metadata.name for request in requests if request.spec.request.run.uid == run.metadata.uid}
    log: list[LoggedWrite] = list(writes_about(server_log, key.namespace, key.name, names | _attempts(run)))
    return audit_trail(run, requests, sorted(log, key=lambda write: write.at))


def _attempts(run: WorkflowRun) -> set[str]:
    """Names of Jobs and pods of the run's steps; of fanned-out steps only those that are under way are known."""
    meta = run.metadata
    found = set()
    for name, step in run.status.steps.items():
        found |= {attempt_name(meta.name, meta.uid, name, number) for number in range(1, step.attempt + 1)}
        for batch, state in (step.items.active if step.items else {}).items():
            found |= {
                attempt_name(meta.name, meta.uid, name, number, int(batch)) for number in range(1, state.attempt + 1)
            }
    return found
