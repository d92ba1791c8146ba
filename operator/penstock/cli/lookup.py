"""From what stands on the command line to Workflows and contexts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.workflow import Workflow
from penstock.cli.assignments import assigned, document
from penstock.cli.frame import Call
from penstock.cli.options import ContextOptions, SourceOptions
from penstock.cli.printing import key_of
from penstock.cli.workflow_files import file_text, load_workflow, reason, text_of
from penstock.errors import InvalidInput, NotFound, NotPossible
from penstock.ports.access import Access, Key

Placed = TypeVar("Placed", Workflow, Connection, Workflow | Connection)
_FILE_ENDINGS = (".yaml", ".yml", ".json")


async def workflow_for(call: Call, access: Access, target: str, source: SourceOptions) -> Workflow:
    """The Workflow that a run of `target` executes, as it is stored.

    What a file holds is stored in local mode, and in a cluster with --apply; else the cluster must have the same.
    Raises InvalidInput with every problem of the file, NotFound, NotPossible when the cluster has another content.
    """
    if not is_file(target):
        return await access.workflows.get(key_of(call, target))
    loaded = load_workflow(call, Path(target), source.workflow)
    workflow = in_namespace(call, loaded.workflow)
    if access.local or source.apply:
        for other in loaded.others:
            await store(access, in_namespace(call, other))
        return await access.workflows.apply(workflow)
    key = Key(workflow.metadata.namespace, workflow.metadata.name)
    try:
        stored = await access.workflows.get(key)
    except NotFound as error:
        raise NotFound(
            f"the cluster has no Workflow {key}", hint=f"Add --apply to create it from {target} first."
        ) from error
    if stored.spec != workflow.spec:
        raise NotPossible(
            f"the cluster's Workflow {key} is not what {target} says",
            hint=f"Add --apply to replace it, or run the cluster's: penstock run {key}",
        )
    return stored


async def store(access: Access, found: Workflow | Connection) -> None:
    """Create what a file holds, or make it what the file says. Raises InvalidInput, Forbidden."""
    if isinstance(found, Connection):
        await access.connections.apply(found)
    else:
        await access.workflows.apply(found)


def is_file(target: str) -> bool:
    """The words of a command mean a file: by its ending, a slash that cannot be a namespace's, or because it exists."""
    return target.endswith(_FILE_ENDINGS) or target.startswith((".", "/", "~")) or Path(target).is_file()


def in_namespace(call: Call, found: Placed) -> Placed:
    """The object in the namespace of -n, else in the one that the file names, else in the default one."""
    named = found.metadata.namespace
    chosen = call.namespace if call.place.namespace or named == "default" else named
    metadata = found.metadata.model_copy(update={"namespace": chosen})
    return found.model_copy(update={"metadata": metadata})


def context_of(call: Call, values: ContextOptions, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The context from --context, with --set over it. Raises InvalidInput."""
    given = _document(call, values.context) if values.context is not None else {}
    return {**given, **assigned(values.assignments or (), inputs)}


def _document(call: Call, given: str) -> dict[str, Any]:
    if given.lstrip().startswith("{"):
        return document(given, "--context")
    if given == "-":
        return document(text_of(call.terminal.stdin), "standard input")
    try:
        return document(file_text(Path(given)), given)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read --context {given}: {reason(error)}") from error
