"""Local copies of our own kinds: fed by watch events and by the answers to our own writes, the newest wins.

Whoever feeds it may repeat himself, come late, or (after a gap in a watch) never say that something was deleted; so
`prune` compares with a list from time to time.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import ValidationError

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.failures import Expired
from penstock.adapters.kube.objects import version
from penstock.adapters.kube.resources import Resource
from penstock.api.v1alpha1.meta import ApiObject, ObjectMeta
from penstock.api.v1alpha1.unreadable import problems_of
from penstock.errors import InvalidInput, NotFound, Problem
from penstock.ports.access import Key

T = TypeVar("T", bound=ApiObject)

Hear = Callable[[str | None, Mapping[str, Any]], object]
"""(type of a watch event or None for what was listed, the object)."""

_TOMBSTONES = 4096
_PAGE = "500"
"""Objects in one answer."""

_log = logging.getLogger(__name__)


class _PageMeta(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")
    resource_version: str = msgspec.field(name="resourceVersion", default="")


class _Page(msgspec.Struct):
    metadata: _PageMeta
    items: list[dict[str, Any]] = []


_decode_page = msgspec.json.Decoder(_Page).decode


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that the API server let pass and that is not valid all the same."""

    metadata: ObjectMeta
    problems: tuple[Problem, ...]


class Copies(Generic[T]):
    """The newest known state of every object of one kind."""

    def __iter__(self) -> Iterator[T]:
        """All objects."""
        return iter(tuple(self._objects.values()))

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        kind: type[T],
        *,
        group_of: Callable[[T], str] | None = None,
        on_change: Callable[[T], None] | None = None,
        on_gone: Callable[[T], None] | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._kind = kind
        self._group_of = group_of
        self._on_change = on_change
        self._on_gone = on_gone
        self._objects: dict[Key, T] = {}
        self._unreadable: dict[Key, Unreadable] = {}
        self._stale: set[Key] = set()
        self._asked: dict[Key, float] = {}
        """The loop's time at which the server was last asked for what is here."""
        self._groups: dict[str, set[Key]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def heard(self, event: str | None, found: Mapping[str, Any]) -> Key | None:
        """Take in a watch event (`DELETED`, anything else is a state); where the object is if that was news."""
        meta = ObjectMeta.model_validate(found["metadata"])
        key = Key(meta.namespace, meta.name)
        if event == "DELETED":
            self._bury(key, meta.uid)
            return key
        if not self._is_news(key, meta):
            return None
        try:
            self.take(self._kind.model_validate(found))
        except ValidationError as error:
            self._unreadable[key] = Unreadable(meta, problems_of(error))
            self._objects.pop(key, None)
        return key

    def take(self, found: T) -> T:
        """Take in a state; the newest state that is known, which may be another."""
        meta = found.metadata
        key = Key(meta.namespace, meta.name)
        if not self._is_news(key, meta):
            return self._objects.get(key, found)
        known = self._objects.get(key)
        if known is not None and known.metadata.uid != meta.uid:
            self._bury(key, known.metadata.uid)
        self._objects[key] = found
        self._unreadable.pop(key, None)
        self._stale.discard(key)
        if self._group_of:
            self._groups.setdefault(self._group_of(found), set()).add(key)
        if self._on_change:
            self._tell(self._on_change, found)
        return found

    def get(self, key: Key) -> T | None:
        """What is known, without asking anybody."""
        return self._objects.get(key)

    def unreadable(self, key: Key) -> Unreadable | None:
        """What is wrong with an object that cannot be read."""
        return self._unreadable.get(key)

    def members(self, group: str) -> Iterator[T]:
        """The objects of a group."""
        for key in tuple(self._groups.get(group, ())):
            found = self._objects.get(key)
            if found is not None:
                yield found

    def doubt(self, key: Key) -> None:
        """The copy is known to be old: the next `load` asks the server."""
        self._stale.add(key)

    async def load(self, key: Key) -> T | None:
        """The copy, or the server's state where there is none; None when there is no such object."""
        known = self._objects.get(key)
        if known is not None and key not in self._stale:
            return known
        return await self.fetch(key)

    async def load_as_of(self, key: Key, moment: float) -> T | None:
        """The copy where the server was asked for it at that moment (the loop's time) or later, else its state now."""
        if self._asked.get(key, -math.inf) >= moment:
            return await self.load(key)
        return await self.fetch(key)

    async def fetch(self, key: Key) -> T | None:
        """The server's state; None when there is no such object. Raises InvalidInput for one that cannot be read."""
        path, now = self._resource.path(key.namespace, key.name), asyncio.get_running_loop().time()
        try:
            found = self.take(await self._client.get(path, self._kind.model_validate_json))
            self._asked[key] = now
            return found
        except NotFound:
            self.forget(key)
            return None
        except ValidationError as error:
            kind = self._kind.__name__
            raise InvalidInput(f"{kind} {key} is not valid", problems=problems_of(error)) from error

    async def list_all(self, namespace: str | None = None, hear: Hear | None = None) -> str:
        """Take in all that the server has at this moment, in a namespace or everywhere; the list's resourceVersion.

        With `hear` that is told of each object in place of `heard`, and has it taken in.
        """
        hear, token = hear or self.heard, ""
        while True:
            params = {"limit": _PAGE, **({"continue": token} if token else {})}
            try:
                page = await self._client.get(self._resource.path(namespace), _decode_page, params)
            except Expired:
                if not token:
                    raise
                token = ""
                continue
            for found in page.items:
                hear(None, found)
            token = page.metadata.continue_
            if not token:
                return page.metadata.resource_version

    def forget(self, key: Key) -> None:
        """The server says that there is no such object."""
        known = self._objects.get(key)
        self._bury(key, known.metadata.uid if known else "")

    async def prune(self, namespace: str | None = None) -> list[Key]:
        """Forget what the server no longer has, in a namespace or everywhere; what was forgotten."""
        listed = await self._client.list_metadata(self._resource.path(namespace))
        there = {meta.uid for meta in listed.metas}
        as_of = version(listed.metadata.resource_version)
        dead = [
            key
            for key, known in self._objects.items()
            if namespace in (None, key.namespace)
            and known.metadata.uid not in there
            and version(known.metadata.resource_version) <= as_of
        ]
        for key in dead:
            _log.info("%s %s went away unnoticed", self._kind.__name__, key)
            self.forget(key)
        return dead

    def _is_news(self, key: Key, meta: ObjectMeta) -> bool:
        known = self._objects.get(key) or self._unreadable.get(key)
        newer = known is None or version(known.metadata.resource_version) < version(meta.resource_version)
        return newer and meta.uid not in self._gone

    def _bury(self, key: Key, uid: str) -> None:
        known = self._objects.get(key)
        if known is not None and known.metadata.uid == uid:
            del self._objects[key]
            if self._group_of:
                self._leave(self._group_of(known), key)
            if self._on_gone:
                self._tell(self._on_gone, known)
        self._unreadable.pop(key, None)
        self._asked.pop(key, None)
        self._stale.discard(key)
        if uid:
            # A late answer to a write of ours must not bring it back.
            self._gone[uid] = None
            if len(self._gone) > _TOMBSTONES:
                self._gone.popitem(last=False)

    def _tell(self, listener: Callable[[T], None], found: T) -> None:
        try:
            listener(found)
        except Exception:  # noqa: BLE001 - one object that a listener cannot bear must not blind us to all others
            _log.exception(
                "%s %s/%s could not be taken in", self._kind.__name__, found.metadata.namespace, found.metadata.name
            )

    def _leave(self, group: str, key: Key) -> None:
        members = self._groups.get(group, set())
        members.discard(key)
        if not members:
            self._groups.pop(group, None)
