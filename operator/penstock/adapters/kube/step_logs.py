"""What steps printed, out of the logs of their pods."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import Struct
from penstock.adapters.kube.resources import PODS
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import FINISHED_RUN, FINISHED_STEP, AttemptId
from penstock.errors import Forbidden, InvalidInput, NotFound
from penstock.ports.access import Key, Runs

_MARK = b"\x1ePENSTOCK"
"""Begins every line of a harness's own, whatever its nonce: a reader of logs needs no right to see nonces."""


class _PodName(Struct, frozen=True):
    name: str


class _PodMeta(Struct, frozen=True):
    metadata: _PodName


class _Pods(Struct, frozen=True):
    items: tuple[_PodMeta, ...] = ()


_decode_pods = msgspec.json.Decoder(_Pods).decode


class KubeLogs:
    """Logs of ports.access."""

    def __init__(self, client: KubeClient, runs: Runs) -> None:
        self._client = client
        self._runs = runs

    async def read(self, run: WorkflowRun, step: str, *, follow: bool = False) -> AsyncIterator[bytes]:
        """The log of the step's newest attempt; with `follow` until that attempt ends, waiting for its start."""
        # Read anew: the attempt that is the newest now is not the one that the caller's copy knows of.
        run = await self._runs.get(Key(run.metadata.namespace, run.metadata.name))
        state = run.status.steps.get(step)
        if follow and not _has_attempt(state):
            run = await self._with_attempt(run, step)
            state = run.status.steps.get(step)
        if state is None or not _has_attempt(state):
            raise NotFound(f"step {step} of run {run.metadata.name} has no attempt")
        stripper = RecordStripper()
        async for chunk in self._chunks(run, AttemptId(step, state.attempt), follow=follow):
            if clean := stripper.feed(chunk):
                yield clean
        if rest := stripper.close():
            yield rest

    async def _with_attempt(self, run: WorkflowRun, step: str) -> WorkflowRun:
        async for newer in self._runs.watch(Key(run.metadata.namespace, run.metadata.name)):
            state = newer.status.steps.get(step)
            if _has_attempt(state) or newer.status.phase in FINISHED_RUN:
                return newer
            if state is not None and state.phase in FINISHED_STEP:
                return newer
        return run

    async def _chunks(self, run: WorkflowRun, at: AttemptId, *, follow: bool) -> AsyncIterator[bytes]:
        name = attempt_name(run.metadata.name, run.metadata.uid, *at)
        params = {"container": CONTAINER, **({"follow": "true"} if follow else {})}
        backoff = Backoff(0.2, 2.0)
        while True:
            try:
                async for chunk in self._log_of(run.metadata.namespace, name, params):
                    yield chunk
                return
            except InvalidInput:
                # 400: the container has not started. There is nothing to watch that a reader of logs may see.
                if not follow:
                    return
            except NotFound:
                if not follow or not await self._still_alive(run, at):
                    raise
            await asyncio.sleep(backoff.next())

    async def _log_of(self, namespace: str, name: str, params: dict[str, str]) -> AsyncIterator[bytes]:
        """The log of the pod that has the attempt's name, or of the one that the built-in Job controller made."""
        pod = name
        for last in (False, True):
            try:
                async with self._client.stream(PODS.path(namespace, pod, "log"), params) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except NotFound:
                found = None if last else await self._made_by_controller(namespace, name)
                if found is None:
                    raise
                pod = found

    async def _made_by_controller(self, namespace: str, job: str) -> str | None:
        with contextlib.suppress(Forbidden):
            selector = {"labelSelector": f"batch.kubernetes.io/job-name={job}"}
            found = await self._client.get(PODS.path(namespace), _decode_pods, selector)
            return next((pod.metadata.name for pod in found.items), None)
        return None

    async def _still_alive(self, run: WorkflowRun, at: AttemptId) -> bool:
        newest = await self._runs.get(Key(run.metadata.namespace, run.metadata.name))
        state = newest.status.steps.get(at.step)
        return state is not None and state.attempt == at.attempt and state.phase not in FINISHED_STEP


class RecordStripper:
    """Takes a harness's records out of a log, however the bytes are cut."""

    def __init__(self) -> None:
        self._held = b""
        self._at_line_start = True

    def feed(self, data: bytes) -> bytes:
        """What of these bytes is output; the beginning of a line that may be a record is held back."""
        *lines, rest = (self._held + data).split(b"\n")
        clean = bytearray()
        for line in lines:
            if not (self._at_line_start and line.startswith(_MARK)):
                clean += line + b"\n"
            self._at_line_start = True
        if self._at_line_start and rest and (rest.startswith(_MARK) or _MARK.startswith(rest)):
            self._held = rest
            return bytes(clean)
        self._held = b""
        self._at_line_start = self._at_line_start and not rest
        return bytes(clean) + rest

    def close(self) -> bytes:
        """What was held back and is no record after all."""
        held, self._held = self._held, b""
        return b"" if held.startswith(_MARK) else held


def _has_attempt(state: StepStatus | None) -> bool:
    return state is not None and state.attempt > 0
