"""A look at a Connection at once, where nobody looks by himself: in local mode."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.looks import found_status, look_run
from penstock.application.read_output import output_of
from penstock.application.wait_for_run import wait_for_run
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists, NotPossible, OutputLost
from penstock.ports.access import Access, Key

SECONDS = 180.0
"""How long a look may take."""


async def look_now(access: Access, key: Key, now: Callable[[], datetime]) -> Connection:
    """The Connection with what was found just now. Raises NotFound, NotPossible on a cluster or where it takes long."""
    connection = await access.connections.get(key)
    if not access.local:
        raise NotPossible(
            "on a cluster the operator looks at Connections by itself: at each change, and from time to time",
            hint="Without --look you see what it found last.",
        )
    if connection.spec.type == "llm":
        raise NotPossible("a model says nothing of itself", hint="Ask it something: a step with `llm`.")
    wanted = look_run(connection)
    with contextlib.suppress(AlreadyExists):  # of a look that was cut short: it is as good
        await access.runs.create(wanted)
    run = await wait_for_run(access, Key(key.namespace, wanted.metadata.name), seconds=SECONDS, at_gates=False)
    if not RunPhase(run.status.phase).finished:
        raise NotPossible(f"run {run.metadata.name} has not ended yet", hint=f"penstock get {run.metadata.name}")
    output = None
    if RunPhase(run.status.phase) is RunPhase.SUCCEEDED:
        with contextlib.suppress(OutputLost):
            output = await output_of(access, run)
    return await access.connections.save_status(connection, found_status(connection, run, output, now()))
