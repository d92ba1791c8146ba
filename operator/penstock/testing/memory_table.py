"""Objects of one kind in memory: create, read, list, compare and set."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Generic, TypeVar

from penstock.api.v1alpha1.meta import ApiObject
from penstock.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from penstock.ports.access import Key
from penstock.ports.engine import Clock

T = TypeVar("T", bound=ApiObject)


class MemoryChanges:
    """Counts writes, gives out numbers, and lets readers wait for the next write."""

    def __init__(self) -> None:
        self.count = 0
        self._given = 0
        self._wake = asyncio.Event()

    def announce(self) -> None:
        """Something was written."""
        self.count += 1
        self._wake.set()
        self._wake = asyncio.Event()

    async def after(self, count: int) -> None:
        """Return once more than `count` writes were made."""
        while self.count <= count:
            await self._wake.wait()

    def new_id(self) -> str:
        """A text that was not given out before."""
        self._given += 1
        return f"id{self._given}"


class MemoryTable(Generic[T]):
    """The objects of one kind."""

    def __init__(self, kind: str, changes: MemoryChanges, clock: Clock) -> None:
        self._kind = kind
        self._changes = changes
        self._clock = clock
        self._objects: dict[Key, T] = {}

    def find(self, key: Key) -> T | None:
        """One object, None where there is none."""
        return self._objects.get(key)

    def get(self, key: Key) -> T:
        """One object. Raises NotFound."""
        found = self.find(key)
        if found is None:
            raise NotFound(f"there is no {self._kind} {key}")
        return found

    def all(self, namespace: str | None = None) -> tuple[T, ...]:
        """The objects of a namespace, or all, in the order of their creation."""
        return tuple(value for key, value in self._objects.items() if namespace in (None, key.namespace))

    def insert(self, new: T) -> T:
        """Create an object. Raises AlreadyExists, InvalidInput."""
        key = _key(new)
        try:
            json.dumps(new.to_wire(), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise InvalidInput("the object holds text that is not Unicode") from error
        if key in self._objects:
            raise AlreadyExists(f"there is a {self._kind} {key} already")
        stamp = {"uid": self._changes.new_id(), "generation": 1, "creation_timestamp": self._clock.now()}
        return self._write(new, stamp)

    def replace(self, changed: T, *, new_spec: bool = False) -> T:
        """Write an object that was read before. Raises Conflict when somebody wrote since, NotFound when it is gone."""
        stored = self.get(_key(changed))
        if stored.metadata.uid != changed.metadata.uid:
            raise NotFound(f"there is no {self._kind} with uid {changed.metadata.uid}")
        if stored.metadata.resource_version != changed.metadata.resource_version:
            raise Conflict(f"somebody wrote {self._kind} {_key(changed)} first")
        return self._write(changed, {"generation": stored.metadata.generation + new_spec})

    def remove(self, key: Key) -> None:
        """Take an object away."""
        self._objects.pop(key, None)
        self._changes.announce()

    def _write(self, value: T, stamp: dict[str, Any]) -> T:
        version = str(self._changes.count + 1)
        metadata = value.metadata.model_copy(update={**stamp, "resource_version": version})
        written = value.model_copy(update={"metadata": metadata})
        self._objects[_key(written)] = written
        self._changes.announce()
        return written


def _key(value: ApiObject) -> Key:
    return Key(value.metadata.namespace, value.metadata.name)
