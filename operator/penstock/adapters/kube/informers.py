"""A local copy of all objects of a kind, kept fresh by list and watch.

The rules that keep it true: a re-list is compared with the copy and what vanished is reported as deleted; a watch that
ends is resumed where it stood; a resourceVersion that the server has forgotten means a new list; anything else that
goes wrong is tried again, never fatal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.failures import Expired
from penstock.adapters.kube.objects import Tracked, key_of, version
from penstock.adapters.kube.streams import Change, watch
from penstock.errors import PenstockError
from penstock.ports.access import Key

T = TypeVar("T", bound=Tracked)

_log = logging.getLogger(__name__)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _RawList(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] = []


_decode_list = msgspec.json.Decoder(_RawList).decode


@dataclass(frozen=True, slots=True)
class WatchTiming:
    """How patient a watch is, in seconds."""

    server_timeout: int = 290
    """The server is asked to end the stream after this; it is resumed, which is cheap and makes dead ones rare."""
    silence: float = 70.0
    """Bookmarks come every minute: longer silence means that the connection is dead."""
    first_wait: float = 0.1
    longest_wait: float = 10.0
    healthy_after: float = 5.0
    """A stream that lived that long was a good one: the next is opened at once."""


@dataclass(frozen=True, slots=True)
class WatchNews:
    """Who is told how a watch goes."""

    heard: Callable[[], None] = lambda: None
    """Of every change."""
    broke: Callable[[], None] = lambda: None
    """Of every stream that did not end in peace."""


async def keep_following(
    what: str, follow: Callable[[], Awaitable[None]], timing: WatchTiming, news: WatchNews
) -> None:
    """Call `follow` without end: it lists where it must, and watches until the stream ends. Nothing is fatal.

    `what` is for the log: the path that is watched.
    """
    backoff = Backoff(timing.first_wait, timing.longest_wait)
    while True:
        opened = asyncio.get_running_loop().time()
        try:
            await follow()
        except PenstockError as error:
            news.broke()
            _log.warning("watch of %s broke: %s", what, error)
        if asyncio.get_running_loop().time() - opened >= timing.healthy_after:
            backoff.reset()
        else:
            await asyncio.sleep(backoff.next())


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """What an informer follows."""

    path: str
    decode: Callable[[bytes | msgspec.Raw], T]
    selector: Mapping[str, str] = field(default_factory=dict)
    """Query parameters: labelSelector, fieldSelector."""


class Informer(Generic[T]):
    """The copy. `on_change(old, new)` is called for every difference; old is None for new ones, new for gone ones."""

    def __init__(
        self,
        client: KubeClient,
        source: Source[T],
        on_change: Callable[[T | None, T | None], None],
        *,
        timing: WatchTiming | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        news: WatchNews | None = None,
    ) -> None:
        self._client = client
        self._source = source
        self._on_change = on_change
        self._timing = timing or WatchTiming()
        self._monotonic = monotonic
        self._news = news or WatchNews()
        self._objects: dict[Key, T] = {}
        self._seen = ""
        self.synced = asyncio.Event()
        """Set once the first list is in."""
        self.heard_at: float | None = None
        """Monotonic time of the last sign of life of the server."""

    def get(self, key: Key) -> T | None:
        """The object, as far as is known."""
        return self._objects.get(key)

    def __iter__(self) -> Iterator[T]:
        """All objects."""
        return iter(tuple(self._objects.values()))

    def remember(self, found: T) -> None:
        """Take in what a write or a live read of our own answered, so that nobody acts twice before the watch says so.

        Ignored when the watch has come further: then its silence about the object means that it is gone.
        """
        if version(found.metadata.resource_version) > version(self._seen):
            self._store(found)

    async def run(self) -> None:
        """Follow the server, without end."""
        await keep_following(self._source.path, self._once, self._timing, self._news)

    async def _once(self) -> None:
        try:
            if not self._seen:
                await self._list()
            await self._follow()
        except Expired:
            # Only the list knows what happened in the gap.
            self._seen = ""

    async def _list(self) -> None:
        answer = await self._client.get(self._source.path, _decode_list, self._source.selector)
        found = [each for item in answer.items if (each := self._decode(item)) is not None]
        listed = {key_of(each) for each in found}
        for each in found:
            self._store(each)
        for key, known in tuple(self._objects.items()):
            # An object newer than the list is one that we wrote ourselves a moment ago.
            if key not in listed and version(known.metadata.resource_version) <= version(
                answer.metadata.resource_version
            ):
                self._drop(known)
        self._heard(answer.metadata.resource_version)
        self.synced.set()

    async def _follow(self) -> None:
        params = {
            **self._source.selector,
            "resourceVersion": self._seen,
            "timeoutSeconds": str(self._timing.server_timeout),
        }
        changes = watch(self._client, self._source.path, self._decode, params, silence=self._timing.silence)
        async with contextlib.aclosing(changes):
            async for change in changes:
                self._apply(change)

    def _apply(self, change: Change[T | None]) -> None:
        if change.object is None:
            self._heard(change.resource_version)
            return
        self._news.heard()
        if change.type == "DELETED":
            self._drop(change.object)
        else:
            self._store(change.object)
        self._heard(change.object.metadata.resource_version)

    def _heard(self, resource_version: str) -> None:
        self._seen = resource_version or self._seen
        self.heard_at = self._monotonic()

    def _decode(self, raw: bytes | msgspec.Raw) -> T | None:
        try:
            return self._source.decode(raw)
        except (ValueError, msgspec.MsgspecError):
            # One object that nobody can read must not blind us to all others.
            _log.exception("an object in %s cannot be read", self._source.path)
            return None

    def _store(self, new: T) -> None:
        old = self._objects.get(key_of(new))
        if old is not None and old.metadata.uid == new.metadata.uid:
            if version(new.metadata.resource_version) <= version(old.metadata.resource_version):
                return
        elif old is not None:
            # Deleted and made anew between two looks: two objects, two stories.
            self._drop(old)
            old = None
        self._objects[key_of(new)] = new
        self._tell(old, new)

    def _drop(self, gone: T) -> None:
        known = self._objects.get(key_of(gone))
        if known is not None and known.metadata.uid == gone.metadata.uid:
            del self._objects[key_of(gone)]
            self._tell(gone, None)

    def _tell(self, old: T | None, new: T | None) -> None:
        try:
            self._on_change(old, new)
        except Exception:  # noqa: BLE001 - whatever a listener does wrong must not blind us to all other objects
            _log.exception("a change in %s could not be taken in", self._source.path)
