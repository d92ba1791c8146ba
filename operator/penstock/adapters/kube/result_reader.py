"""Gets an attempt's result out of its pod: the followed log first, then the pod's end and what it left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from structlog.contextvars import bind_contextvars

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempts import (
    Attempt,
    alive_fact,
    by_container,
    by_record,
    container_state,
    is_last_word,
    vanished,
    without_record,
)
from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.log_ends import KeptEnd, LogEnd
from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import Pod
from penstock.adapters.kube.pod_minder import Patience, PodMinder
from penstock.adapters.kube.resources import PODS
from penstock.engine.facts import AttemptFact
from penstock.engine.item_records import ItemCollector
from penstock.engine.result_records import (
    OUTPUT_LIMIT,
    Event,
    ItemRecord,
    LogChunk,
    RecordParser,
    ResultRecord,
    parse_termination_message,
)
from penstock.errors import PenstockError, Unavailable

_log = logging.getLogger(__name__)

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_LAST_TRIES = 8
"""Of reading the log of a pod that is over: some 20 seconds, for a node or a server that is away for a moment."""
_ITEMS_TOLD = 1.0
"""Seconds until items that came to a result in a pod that lives are told."""
_CLAIM_PATIENCE = 10.0
"""Seconds between a harness's word that its program was ended by force and the pod's own end, which says why."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom a reader tells."""

    tell: Callable[[], None]
    """There is something new to know: progress, or the result."""
    keep: Callable[[KeptEnd, bool], None]
    """Handed the end of the log once it was read, and whether the attempt failed."""
    measured: Callable[[float], None] = lambda _wall: None
    """How many seconds the program took, as soon as its harness says so."""


class ResultReader:
    """One attempt."""

    def __init__(
        self,
        client: KubeClient,
        attempt: Attempt,
        pod: Pod,
        patience: Patience,
        listeners: Listeners,
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._pod = pod
        self._tell, self._keep, self._measured = listeners.tell, listeners.keep, listeners.measured
        self._end: LogEnd | None = None
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._minder = PodMinder(client, attempt, patience, self.settle, self._look)
        self._said: ResultRecord | None = None
        self._claim: ResultRecord | None = None
        """A record that is there and may be explained better by the pod's end."""
        self.result: AttemptFact | None = None
        """Set once; never changed afterwards."""
        self.message: str | None = None
        """The last progress message."""
        self.items = ItemCollector()
        """Results of items, where the attempt runs several; of one that has ended they are in its result."""
        self._tells_items: asyncio.TimerHandle | None = None
        self._whole_log = False
        """The log was read to its end after the pod had ended."""
        self.alive = alive_fact(attempt, pod)
        """What is known of it while there is no result."""
        self.released = False
        """Nobody asks for the result any more."""
        self._printed = bytearray()
        """What a program without a harness printed, where its output comes from that: the end of it."""

    @property
    def reading(self) -> bool:
        """Its log is followed, or waited for."""
        return self._task is not None and not self._task.done()

    def see(self, pod: Pod) -> None:
        """The pod's newest state. Reading starts when the container runs, and comes to its end with the pod."""
        self._pod = pod
        state = container_state(pod)
        if pod.ended:
            self._over.set()
        self._minder.see(pod)
        self._look()
        if self._task is None and (state.running is not None or pod.ended) and self.result is None:
            self._task = asyncio.create_task(self._read(), name=f"log of {pod.metadata.name}")

    def gone(self) -> None:
        """The pod was deleted. What its log said until then counts; the log is not there any more."""
        self._over.set()
        self._minder.close()
        if self._task is None:
            self.settle(vanished(self._attempt, self._pod, "the pod was deleted before its container ran"))

    def settle(self, fact: AttemptFact) -> None:
        """The attempt's result is known; the first one counts."""
        if self.result is None:
            self.result = self._with_items(fact) if self._attempt.has_items else fact
            self._tell()

    def release(self) -> None:
        """The run is finished. That there was a result must be known until the pod has ended; what it was, no more."""
        self.released = True
        if self.result is not None:
            self.result = replace(self.result, output=None, items=())

    def close(self) -> None:
        """Stop reading."""
        self._minder.close()
        if self._tells_items is not None:
            self._tells_items.cancel()
        if self._task is not None:
            self._task.cancel()
        self._hand_over()

    def _look(self) -> None:
        """Tell of what keeps the attempt from starting, when that has changed."""
        before, self.alive = self.alive, alive_fact(self._attempt, self._pod, self._minder.told)
        if self.alive.failure != before.failure:
            self._tell()

    async def _read(self) -> None:
        meta = self._pod.metadata
        bind_contextvars(run=f"{meta.namespace}/{meta.labels.get(labels.RUN, '')}", step=self._attempt.id.step)
        try:
            await self._follow_to_the_end()
            if self.result is None:
                await self._settle_without_record()
        except Exception:  # noqa: BLE001 - whatever a log holds, the attempt must come to a result
            _log.exception("the log of %s could not be read", self._pod.metadata.name)
            self.settle(self._attempt.lost("the operator could not read the attempt's log"))
        self._hand_over()

    def _hand_over(self) -> None:
        """The end of the log, to be kept with the run; once."""
        end, self._end = self._end, None
        if end is not None:
            self._keep(end.close(), self.result is not None and self.result.failure is not None)

    async def _follow_to_the_end(self) -> None:
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        while self.result is None and not self._over.is_set():
            if self._claim is not None:
                # Its program has ended, so its pod will within a second; its own word stands if the node is gone.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _CLAIM_PATIENCE)
                return
            with contextlib.suppress(PenstockError):
                await self._read_log(follow=True)
            if self.result is None and self._claim is None:
                # The log has ended, so the pod will soon; a broken connection is the other case.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), backoff.next())

    async def _settle_without_record(self) -> None:
        """The pod is over: its log once more, the termination message, the reasons of Kubernetes, in this order."""
        if self._claim is not None:
            self.settle(by_record(self._attempt, self._claim, self._pod))
            return
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        for _ in range(_LAST_TRIES):
            try:
                await self._read_log(follow=False)
                self._whole_log = self._pod.ended
                break
            except Unavailable as error:
                # What is in the termination message spares the wait for a server or a node that is away.
                if self._left_record() is not None or self._attempt.output_from == "terminationMessage":
                    break
                _log.info("the log of %s cannot be read now: %s", self._pod.metadata.name, error)
                await asyncio.sleep(backoff.next())
            except PenstockError as error:
                _log.info("there is no log of %s: %s", self._pod.metadata.name, error)
                break
        if self.result is None:
            self.settle(self._from_what_is_left())

    def _from_what_is_left(self) -> AttemptFact:
        record = self._left_record()
        if record is not None:
            if self._said is None:
                self._measured(record.usage.wall_seconds)
            self._said = record
            return by_record(self._attempt, record, self._pod)
        if not self._pod.ended:
            return vanished(self._attempt, self._pod, "the pod was deleted before it gave a result")
        if self._attempt.output_from:
            return by_container(self._attempt, self._pod, bytes(self._printed))
        return without_record(self._attempt, self._pod)

    def _left_record(self) -> ResultRecord | None:
        ended = container_state(self._pod).terminated
        return parse_termination_message(ended.message, self._attempt.nonce) if ended else None

    async def _read_log(self, *, follow: bool) -> None:
        """Read from the beginning to the end. It goes on after the record, so that the connection can be used again."""
        meta = self._pod.metadata
        params = {"container": CONTAINER, **({"follow": "true"} if follow else {})}
        parser, end = RecordParser(self._attempt.nonce), LogEnd()
        self._printed.clear()
        async with self._client.stream(PODS.path(meta.namespace, meta.name, "log"), params) as chunks:
            async for chunk in chunks:
                end.feed(chunk)
                if self._end is None or end.total >= self._end.total:
                    # A further try that breaks off early is worth less than the one before it.
                    self._end = end
                for event in parser.feed(chunk):
                    self._take(event)
        for event in parser.close():
            self._take(event)

    def _with_items(self, fact: AttemptFact) -> AttemptFact:
        """An attempt's result with those of its items."""
        begun = self.items.begun(self._said, whole_log=self._whole_log)
        return replace(fact, output=None, items=self.items.results, items_begun=begun)

    def _take_item(self, record: ItemRecord) -> None:
        """Thousands may come in a second: they are told together, for a pass over the run looks at all of them."""
        if self.items.take(record) and self._tells_items is None:
            self._tells_items = asyncio.get_running_loop().call_later(_ITEMS_TOLD, self._tell_items)

    def _tell_items(self) -> None:
        self._tells_items = None
        if self.result is None:
            self._tell()

    def _take(self, event: Event) -> None:
        if isinstance(event, ItemRecord):
            self._take_item(event)
        elif isinstance(event, ResultRecord):
            if self._said is None:
                self._measured(event.usage.wall_seconds)
            self._said = event
            if is_last_word(event, self._pod):
                self.settle(by_record(self._attempt, event, self._pod))
            else:
                self._claim = event
        elif isinstance(event, LogChunk):
            self._note(event.data)
        elif event.message != self.message:
            self.message = event.message
            self._tell()

    def _note(self, printed: bytes) -> None:
        if self._attempt.output_from != "log":
            return
        self._printed += printed
        # One byte more than an output may have tells that there was more.
        if len(self._printed) > 2 * OUTPUT_LIMIT:
            del self._printed[: -OUTPUT_LIMIT - 1]
