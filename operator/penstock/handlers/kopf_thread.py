"""kopf in a thread and a loop of its own.

When kopf ends, for whatever reason (an error inside a watch is enough), it cancels every task of its loop. So it has
one that nobody else uses, and is started again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import kopf

from penstock.handlers.settings import EndlessBackoff, kopf_settings

_log = logging.getLogger(__name__)

_HEALTHY_AFTER = 30.0
"""Seconds that kopf stays up when nothing is fundamentally wrong."""
_HOPELESS = 6
"""Failures in a row after which somebody should be told."""


class KopfThread:
    """Watches our kinds until it is stopped."""

    def __init__(
        self,
        make_registry: Callable[[], kopf.OperatorRegistry],
        namespaces: tuple[str, ...],
        *,
        backoff: EndlessBackoff | None = None,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        """`ended` is called in kopf's thread each time that kopf ends and is started again."""
        self._make_registry = make_registry
        self._namespaces = namespaces
        self._backoff = backoff or EndlessBackoff()
        self._ended = ended
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._stop_current: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._failures = 0

    @property
    def watching(self) -> bool:
        """It has not ended, and has not failed again and again without ever staying up."""
        ended = self._thread.ident is not None and not self._thread.is_alive()
        return not ended and self._failures < _HOPELESS

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Stop watching; waits that many seconds at most."""
        self._stopping.set()
        with self._lock:
            if self._stop_current is not None:
                self._stop_current()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        waits = iter(self._backoff)
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                asyncio.run(self._operate())
            except Exception:  # noqa: BLE001 - whatever ended kopf, the operator needs its eyes back
                _log.exception("kopf ended")
            if time.monotonic() - started > _HEALTHY_AFTER:
                self._failures, waits = 0, iter(self._backoff)
            self._failures += 1
            if self._stopping.wait(next(waits)):
                return
            _log.warning("kopf is started again")
            self._ended()

    async def _operate(self) -> None:
        flag = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            # An asyncio flag, set from outside: kopf waits for a threading one in an executor that then never ends.
            self._stop_current = lambda: loop.call_soon_threadsafe(flag.set)
        if self._stopping.is_set():
            return
        try:
            await kopf.operator(
                registry=self._make_registry(),
                settings=kopf_settings(),
                standalone=True,
                # Else it asks who it is, which nobody can say of a user without a name, as containers have them.
                identity="penstock",  # type: ignore[arg-type]  # a NewType of str that kopf keeps to itself
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=flag,
            )
        finally:
            with self._lock:
                self._stop_current = None
