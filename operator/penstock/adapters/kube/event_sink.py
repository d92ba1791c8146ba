"""What happened to runs, told as Kubernetes Events: sent in the background, dropped rather than waited for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC
from typing import Any

from penstock.adapters.kube import labels
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.resources import EVENTS
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import PenstockError
from penstock.ports.engine import Clock

_WAITING_LIMIT = 5000
_NOTE_LIMIT = 1024
_HOLD = 0.5
"""Seconds that an Event waits: what it tells of makes requests at the same moment that somebody waits for."""

_LOOKS = 10
"""So often it waits as long again while programs are starting."""

_log = logging.getLogger(__name__)


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
        self._waiting: asyncio.Queue[tuple[float, str, dict[str, Any]]] = asyncio.Queue(_WAITING_LIMIT)

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        """Have an Event sent; one too many is dropped."""
        moment = self._clock.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        meta = about.metadata
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{meta.name}.{self._new_suffix()}", "namespace": meta.namespace},
            "eventTime": moment,
            "reportingController": labels.MANAGER,
            "reportingInstance": self._instance,
            "action": reason,
            "reason": reason,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
            },
            "note": message[:_NOTE_LIMIT],
            "type": "Warning" if warning else "Normal",
        }
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((_loop_time() + _HOLD, EVENTS.path(meta.namespace), body))

    async def run(self) -> None:
        """Send, without end."""
        while True:
            due, path, body = await self._waiting.get()
            await asyncio.sleep(due - _loop_time())
            for _ in range(_LOOKS):
                if not self._busy() or _loop_time() > due + _LOOKS * _HOLD:
                    break
                await asyncio.sleep(_HOLD)
            try:
                await self._client.create(path, body, as_dict, counted=False)
            except PenstockError as error:
                _log.info("an Event was not taken: %s", error)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
