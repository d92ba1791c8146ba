"""What attempts printed, out of the logs of their pods."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec

from penstock.adapters.kube import labels
from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.log_ends import find
from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import Meta, Struct
from penstock.adapters.kube.record_stripper import RecordStripper
from penstock.adapters.kube.resources import CONFIG_MAPS, PODS
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.step_attempts import may_still_print
from penstock.engine.identifiers import attempt_name, log_ends_name
from penstock.engine.model import AttemptId
from penstock.errors import Forbidden, InvalidInput, NotFound, Unavailable
from penstock.ports.access import Key, Runs
from penstock.ports.logs import LogCursor, LogPiece

_FIRST_BYTES = "64"
"""Of a log, for the time stamp of its first line."""


class _PodName(Struct, frozen=True):
    name: str


class _PodMeta(Struct, frozen=True):
    metadata: _PodName


class _Pods(Struct, frozen=True):
    items: tuple[_PodMeta, ...] = ()


class _Kept(Struct, frozen=True):
    metadata: Meta
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


_decode_pods = msgspec.json.Decoder(_Pods).decode
_decode_kept = msgspec.json.Decoder(_Kept).decode


class KubeLogs:
    """Logs of ports.logs.

    An API server gives a log from the beginning of its newest file only. A harness keeps its log under the size at
    which nodes begin a new file, so what a cursor counts from there is what was printed; where a node did begin a new
    one, the time stamp of the first line is another, and the reader says that something is missing.
    """

    def __init__(self, client: KubeClient, runs: Runs) -> None:
        self._client = client
        self._runs = runs

    async def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        """What the attempt printed after the cursor; with `follow` until its end, waiting for its start."""
        cursor = after or LogCursor(attempt.attempt, batch=attempt.batch)
        backoff = Backoff(0.2, 2.0)
        while True:
            stripper = RecordStripper()
            alive = follow and await self._still_prints(run, attempt)
            try:
                async for piece in self._pieces(run, attempt, cursor, stripper, follow=follow):
                    cursor = piece.cursor
                    backoff.reset()
                    yield piece
            except InvalidInput:
                pass  # 400: the container has not started; there is nothing to watch that a reader of logs may see
            except NotFound:
                if not alive:
                    yield await self._kept(run, attempt, cursor)
                    return
            except Unavailable:
                if not follow:
                    raise
            # A stream may end because its connection does. Asked for before the last read, so that nothing is missed.
            if not alive or stripper.saw_result:
                return
            await asyncio.sleep(backoff.next())

    async def _still_prints(self, run: WorkflowRun, attempt: AttemptId) -> bool:
        try:
            run = await self._runs.get(Key(run.metadata.namespace, run.metadata.name))
        except Unavailable:
            return True
        return may_still_print(run, attempt)

    async def _pieces(
        self, run: WorkflowRun, attempt: AttemptId, cursor: LogCursor, stripper: RecordStripper, *, follow: bool
    ) -> AsyncIterator[LogPiece]:
        """The log once, from the cursor to its end."""
        namespace = run.metadata.namespace
        name = attempt_name(run.metadata.name, run.metadata.uid, *attempt)
        pod, mark = await self._find(namespace, name)
        missing: int | None = 0
        if cursor.offset and cursor.mark and mark and cursor.mark != mark:
            cursor, missing = replace(cursor, offset=0), None
        cursor = replace(cursor, mark=mark or cursor.mark)
        params = {"container": CONTAINER, **({"follow": "true"} if follow else {})}
        async with self._client.stream(PODS.path(namespace, pod, "log"), params) as chunks:
            async for clean in _stripped(chunks, stripper):
                fresh = clean[max(0, len(clean) - (stripper.count - cursor.offset)) :]
                if stripper.count > cursor.offset and fresh:
                    cursor = replace(cursor, offset=stripper.count)
                    yield LogPiece(fresh, cursor, missing)
                    missing = 0

    async def _kept(self, run: WorkflowRun, attempt: AttemptId, cursor: LogCursor) -> LogPiece:
        """What is kept of a log whose pod is gone. Raises NotFound where nothing is."""
        namespace, name = run.metadata.namespace, log_ends_name(run.metadata.name, run.metadata.uid)
        gone = f"the log of step {attempt.step}, attempt {attempt.attempt}, is gone with its pod"
        try:
            found = await self._client.get(CONFIG_MAPS.path(namespace, name), _decode_kept)
        except NotFound:
            raise NotFound(gone, hint="Its end is kept once the run is over.") from None
        owner = found.metadata.controller
        # Only the operator can make one with this label; anybody could make one with this name before it did.
        ours = labels.RUN in found.metadata.labels and owner is not None and owner.uid == run.metadata.uid
        end = find(found.data, found.binary_data, attempt) if ours else None
        if end is None:
            raise NotFound(gone, hint="There was no room to keep its end with the run.")
        try:
            data = end.data()
        except ValueError as error:
            raise NotFound(f"{gone}, and what is kept of it cannot be read: {error}") from error
        start = end.total - len(data)
        fresh = data[max(0, cursor.offset - start) :]
        return LogPiece(fresh, replace(cursor, offset=max(cursor.offset, end.total)), max(0, start - cursor.offset))

    async def _find(self, namespace: str, name: str) -> tuple[str, str]:
        """The pod that has the attempt's name, or the one that the built-in Job controller made; its log's mark."""
        try:
            return name, await self._mark(namespace, name)
        except NotFound:
            pod = await self._made_by_controller(namespace, name)
            if pod is None:
                raise
            return pod, await self._mark(namespace, pod)

    async def _mark(self, namespace: str, pod: str) -> str:
        """Tells the log file that is read from a later one: a digest of its first line's time stamp."""
        params = {"container": CONTAINER, "timestamps": "true", "limitBytes": _FIRST_BYTES}
        first = b""
        async with self._client.stream(PODS.path(namespace, pod, "log"), params) as chunks:
            async for chunk in chunks:
                first += chunk
        stamp, space, _ = first.partition(b" ")
        return hashlib.sha256(stamp).hexdigest()[:8] if space else ""

    async def _made_by_controller(self, namespace: str, job: str) -> str | None:
        with contextlib.suppress(Forbidden):
            selector = {"labelSelector": f"batch.kubernetes.io/job-name={job}"}
            found = await self._client.get(PODS.path(namespace), _decode_pods, selector)
            return next((pod.metadata.name for pod in found.items), None)
        return None


async def _stripped(chunks: AsyncIterator[bytes], stripper: RecordStripper) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if clean := stripper.feed(chunk):
            yield clean
    if rest := stripper.close():
        yield rest
