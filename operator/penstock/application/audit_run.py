"""Auditing a run: its objects are read with the caller's own rights, and the API server's log where there is one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.audit_trail import AuditTrail, audit_trail
from penstock.application.server_log import LoggedWrite, writes_near
from penstock.engine.identifiers import attempt_name
from penstock.ports.access import Access, Key


async def audit_run(access: Access, key: Key, server_log: Iterable[bytes] = ()) -> AuditTrail:
    """Who asked for the run, what was shown to whom, who decided, what then ran. Raises NotFound, Forbidden."""
    run = await access.runs.get(key)
    requests = await access.approvals.list(key.namespace)
    names = {request.metadata.name for request in requests if request.spec.request.run.uid == run.metadata.uid}
    near: list[LoggedWrite] = list(writes_near(server_log, key.namespace, key.name))
    mine = {key.name, *names, *_attempts(run, {write.name for write in near})}
    about = [write for write in near if write.name in mine]
    return audit_trail(run, requests, sorted(about, key=lambda write: write.at))


def _attempts(run: WorkflowRun, there: Container[str]) -> Iterator[str]:
    """Those of the names that are of Jobs and pods of the run's steps: no list is kept, they are worked out."""
    meta = run.metadata
    for name, step in run.status.steps.items():
        yield from (attempt_name(meta.name, meta.uid, name, number) for number in range(1, step.attempt + 1))
        for batch in range(step.items.next_batch if step.items else 0):
            # How often a batch was tried is forgotten when it ends; attempts are counted without a gap.
            number = 1
            while (attempt := attempt_name(meta.name, meta.uid, name, number, batch)) in there:
                yield attempt
                number += 1
