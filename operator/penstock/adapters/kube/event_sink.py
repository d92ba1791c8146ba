"""What happened to runs, told as Kubernetes Events: sent in the background, dropped rather than waited for.

What happens to one run in quick succession is told in one Event: each costs a request and room in the cluster's store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempt_sight import STARTS_FIRST
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.resources import EVENTS
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.happenings import ROUTINE
from penstock.errors import PenstockError
from penstock.ports.engine import Clock

_WAITING_LIMIT = 5000
_NOTE_LIMIT = 1024
_HOLD = 0.5
"""Seconds that an Event waits: what it tells of makes requests at the same moment that somebody waits for."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Telling:
    """An Event that was not sent yet."""

    due: float
    about: str
    path: str
    body: dict[str, Any]


class KubeEvents:
    """EventSink of ports.engine; `run()` does the sending."""

    def __init__(
        self,
        client: KubeClient,
        clock: Clock,
        instance: str,
        new_suffix: Callable[[], str],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._clock = clock
        self._instance = instance
        self._new_suffix = new_suffix
        self._busy = busy
        self._waiting: asyncio.Queue[_Telling] = asyncio.Queue(_WAITING_LIMIT)
        self._routine: dict[str, _Telling] = {}
        """By the UID of what they are about: those that wait and that may tell of what comes next, too."""

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        """Have an Event sent, or told in the one before it; one too many is dropped."""
        moment = self._clock.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        meta, news = about.metadata, {"eventTime": moment, "action": reason, "reason": reason}
        telling = self._routine.pop(meta.uid, None)
        note = f"{telling.body['note']} {message}" if telling else message
        if telling is not None and not warning and len(note) <= _NOTE_LIMIT:
            telling.body |= {**news, "note": note}
        else:
            body = {
                **self._body(about),
                **news,
                "note": message[:_NOTE_LIMIT],
                "type": "Warning" if warning else "Normal",
            }
            telling = _Telling(_loop_time() + _HOLD, meta.uid, EVENTS.path(meta.namespace), body)
            if self._waiting.full():
                return
            self._waiting.put_nowait(telling)
        if reason in ROUTINE:
            self._routine[meta.uid] = telling

    def _body(self, about: WorkflowRun | Workflow) -> dict[str, Any]:
        meta = about.metadata
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{meta.name}.{self._new_suffix()}", "namespace": meta.namespace},
            "reportingController": labels.MANAGER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
            },
        }

    async def run(self) -> None:
        """Send, without end."""
        while True:
            telling = await self._waiting.get()
            await asyncio.sleep(telling.due - _loop_time())
            while self._busy():
                if _loop_time() >= telling.due + STARTS_FIRST.total_seconds():
                    break
                await asyncio.sleep(_HOLD)
            if self._routine.get(telling.about) is telling:
                del self._routine[telling.about]
            try:
                await self._client.create(telling.path, telling.body, lambda _: None, counted=False)
            except PenstockError as error:
                _log.info("an Event was not taken: %s", error)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
