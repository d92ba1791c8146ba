"""The kinds of objects that get and list know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import cast

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.definitions import definition_of
from penstock.application.kept_outputs import with_output
from penstock.cli.frame import Call
from penstock.cli.views.connections import connection_lines, connection_table
from penstock.cli.views.gates import gate_lines
from penstock.cli.views.runs import run_lines
from penstock.cli.views.tables import Table, approval_table, run_table, workflow_table
from penstock.cli.views.workflows import workflow_lines
from penstock.errors import InvalidInput
from penstock.ports.access import Access, Key

Item = WorkflowRun | Workflow | ApprovalRequest | Connection


class Kind(StrEnum):
    """A kind by the word for one of it."""

    RUN = "run"
    WORKFLOW = "workflow"
    APPROVAL = "approval"
    CONNECTION = "connection"

    @classmethod
    def of(cls, word: str) -> Kind:
        """The kind that a word means: one or many, or kubectl's short name. Raises InvalidInput."""
        found = _WORDS.get(word.lower())
        if found is None:
            raise InvalidInput(
                f"`{word}` is no kind of object", hint="Write runs, workflows, approvals or connections."
            )
        return found


_WORDS = {
    **{kind.value: kind for kind in Kind},
    **{f"{kind.value}s": kind for kind in Kind},
    "pwr": Kind.RUN,
    "workflowrun": Kind.RUN,
    "workflowruns": Kind.RUN,
    "pwf": Kind.WORKFLOW,
    "pconn": Kind.CONNECTION,
    "apr": Kind.APPROVAL,
    "approvalrequest": Kind.APPROVAL,
    "approvalrequests": Kind.APPROVAL,
}


async def fetch(access: Access, kind: Kind, key: Key) -> Item:
    """One object. Raises NotFound, Forbidden."""
    match kind:
        case Kind.RUN:
            return await access.runs.get(key)
        case Kind.WORKFLOW:
            return await access.workflows.get(key)
        case Kind.APPROVAL:
            return await access.approvals.get(key)
        case Kind.CONNECTION:
            return await access.connections.get(key)


async def fetch_all(access: Access, kind: Kind, namespace: str | None, limit: int) -> Sequence[Item]:
    """All objects of a namespace, of all namespaces for None; at most `limit` runs."""
    match kind:
        case Kind.RUN:
            return await access.runs.list(namespace, limit=limit)
        case Kind.WORKFLOW:
            return await access.workflows.list(namespace)
        case Kind.APPROVAL:
            return await access.approvals.list(namespace)
        case Kind.CONNECTION:
            return await access.connections.list(namespace)


async def describe(call: Call, access: Access, item: Item) -> Iterable[str]:
    """One object for people."""
    now = call.tools.now()
    match item:
        case WorkflowRun():
            shown = await with_output(access, item)
            return run_lines(shown, await definition_of(access, item), now, ascii_only=call.terminal.ascii_only)
        case Workflow():
            return workflow_lines(item, now)
        case ApprovalRequest():
            return gate_lines(item, now)
        case Connection():
            return connection_lines(item, now)


def table(kind: Kind, items: Sequence[Item], now: datetime, *, namespaces: bool) -> Table:
    """Several objects for people."""
    match kind:
        case Kind.RUN:
            return run_table(cast("Sequence[WorkflowRun]", items), now, namespaces=namespaces)
        case Kind.WORKFLOW:
            return workflow_table(cast("Sequence[Workflow]", items), now, namespaces=namespaces)
        case Kind.APPROVAL:
            return approval_table(cast("Sequence[ApprovalRequest]", items), now, namespaces=namespaces)
        case Kind.CONNECTION:
            return connection_table(cast("Sequence[Connection]", items), now, namespaces=namespaces)
