"""kopf in a thread and a loop of its own.

When kopf ends, for whatever reason (an error inside a watch is enough), it cancels every task of its loop. So it has
one that nobody else uses, and is started again in a new one. Some of its tasks can swallow every cancellation (a watch
that is refused while another waits for a new sign-in), and then it waits for them for ever: such a loop is left behind.
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
_ENDING = 10.0
"""Seconds that kopf has for its end, of which it gives five to tasks that do not end by themselves."""
_LAST_WORDS = 10
"""How often a task that is given up may still wait for something."""


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
                self._in_a_loop_of_its_own()
            except Exception:  # noqa: BLE001 - whatever ended kopf, the operator needs its eyes back
                _log.exception("kopf ended")
            if time.monotonic() - started > _HEALTHY_AFTER:
                self._failures, waits = 0, iter(self._backoff)
            self._failures += 1
            if self._stopping.wait(next(waits)):
                return
            _log.warning("kopf is started again")
            self._ended()

    def _in_a_loop_of_its_own(self) -> None:
        # Not asyncio.run: at its end it waits for all tasks, however long they take.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._operate())
        finally:
            loop.set_exception_handler(lambda *_: None)
            for task in asyncio.all_tasks(loop):
                _abandon(task)
            loop.close()

    async def _operate(self) -> None:
        flag = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            # An asyncio flag, set from outside: kopf waits for a threading one in an executor that then never ends.
            self._stop_current = lambda: loop.call_soon_threadsafe(flag.set)
        try:
            if not self._stopping.is_set():
                await self._watch(flag)
        finally:
            with self._lock:
                self._stop_current = None

    async def _watch(self, flag: asyncio.Event) -> None:
        ours = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self._make_registry(),
            settings=kopf_settings(),
            standalone=True,
            # Else it asks who it is, which nobody can say of a user without a name, as containers have them.
            identity="penstock",  # type: ignore[arg-type]  # a NewType of str that kopf keeps to itself
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=flag,
        )
        running = asyncio.create_task(kopf.run_tasks(tasks, ignored=ours))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=_ENDING)
        if not running.done():
            _log.warning("kopf did not end within %g seconds: its tasks are left behind", _ENDING)
            return
        running.result()


def _abandon(task: asyncio.Task[object]) -> None:
    """End what no cancellation ends, so that it lets go of its connections. Its loop must not run any more."""
    coroutine = task.get_coro()
    for _ in range(_LAST_WORDS):
        try:
            coroutine.close()
        except RuntimeError:
            continue  # it waits for one more thing on its way out
        except Exception:  # noqa: BLE001 - nobody is left who could want its result
            return
        return
