"""Objects of one kind in the database: create, read, list, compare and set. Knows nothing of what they mean."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from penstock.adapters.local.database import Database
from penstock.api.v1alpha1.meta import ApiObject
from penstock.api.v1alpha1.unreadable import problems_of
from penstock.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from penstock.ports.access import Key
from penstock.ports.engine import Clock

T = TypeVar("T", bound=ApiObject)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """What an object is looked up by, besides its key."""

    run: str | None = None
    """Name of the run that the object is, or belongs to."""
    run_uid: str | None = None
    finished: bool = False
    """Nothing more will happen to it."""


class ObjectTable(Generic[T]):
    """The objects of one kind."""

    def __init__(
        self, database: Database, model: type[T], place: Callable[[T], Place], clock: Clock, new_uid: Callable[[], str]
    ) -> None:
        self._database = database
        self._model = model
        self._kind = model.__name__
        self._place = place
        self._clock = clock
        self._new_uid = new_uid

    def find(self, key: Key) -> T | None:
        """One object, None where there is none. Raises InvalidInput for one that cannot be read."""
        row = self._database.row("find_object", kind=self._kind, namespace=key.namespace, name=key.name)
        return self._read(row[0]) if row else None

    def get(self, key: Key) -> T:
        """One object. Raises NotFound, and InvalidInput for one that cannot be read."""
        found = self.find(key)
        if found is None:
            raise NotFound(f"there is no {self._kind} {key}")
        return found

    def list(self, query: str, **values: Any) -> tuple[T, ...]:
        """What a named query over objects returns. Raises InvalidInput where one of them cannot be read."""
        return tuple(self._read(body) for (body,) in self._database.rows(query, kind=self._kind, **values))

    def list_readable(self, query: str, **values: Any) -> tuple[T, ...]:
        """The same without what cannot be read, so that one edited by hand or of a newer version hides no others."""
        found = []
        for (body,) in self._database.rows(query, kind=self._kind, **values):
            try:
                found.append(self._read(body))
            except InvalidInput as error:
                _log.warning("left out: %s", error)
        return tuple(found)

    def finish(self, key: Key, status: Mapping[str, Any]) -> None:
        """Give an object that cannot be read this status, with which nothing more happens to it."""
        with self._database.transaction():
            values = {"kind": self._kind, "namespace": key.namespace, "name": key.name}
            self._database.row("finish_object", version=self._next_version(), status=json.dumps(status), **values)

    def state(self) -> tuple[int, int]:
        """The newest resourceVersion of this kind, and how many objects there are: differs after every change."""
        row = self._database.row("state_of_kind", kind=self._kind)
        assert row is not None
        return row[0], row[1]

    def insert(self, new: T) -> T:
        """Create an object; uid, resourceVersion and time are given here. Raises AlreadyExists."""
        stamp = {"uid": self._new_uid(), "generation": 1, "creation_timestamp": self._clock.now()}
        with self._database.transaction():
            written = self._stamped(new, stamp)
            if self._database.row("insert_object", **self._columns(written)) is None:
                key = Key(new.metadata.namespace, new.metadata.name)
                raise AlreadyExists(f"there is a {self._kind} {key} already")
        return written

    def replace(self, changed: T, *, new_spec: bool = False) -> T:
        """Write an object that was read before. Raises Conflict when somebody wrote since, NotFound when it is gone."""
        metadata = changed.metadata
        key = Key(metadata.namespace, metadata.name)
        with self._database.transaction():
            written = self._stamped(changed, {"generation": metadata.generation + new_spec})
            row = self._database.row(
                "replace_object", **self._columns(written), read_version=int(metadata.resource_version or 0)
            )
            if row is None:
                if self.get(key).metadata.uid != metadata.uid:
                    raise NotFound(f"there is no {self._kind} {key} with uid {metadata.uid}")
                raise Conflict(f"somebody wrote {self._kind} {key} first")
        return written

    def _read(self, body: str) -> T:
        try:
            return self._model.model_validate_json(body)
        except ValidationError as error:
            raise InvalidInput(f"{self._kind} {_name(body)} is not valid", problems=problems_of(error)) from error

    def _stamped(self, value: T, stamp: dict[str, Any]) -> T:
        metadata = value.metadata.model_copy(update={**stamp, "resource_version": str(self._next_version())})
        return value.model_copy(update={"metadata": metadata})

    def _next_version(self) -> int:
        row = self._database.row("next_version")
        assert row is not None
        return int(row[0])

    def _columns(self, value: T) -> dict[str, Any]:
        metadata, place = value.metadata, self._place(value)
        return {
            "kind": self._kind,
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "version": int(metadata.resource_version),
            "run": place.run,
            "run_uid": place.run_uid,
            "finished": place.finished,
            "body": _body(value),
        }


def _name(body: str) -> str:
    """What an object that cannot be read is called, as far as it says so."""
    try:
        return str(json.loads(body)["metadata"]["name"])
    except (ValueError, LookupError, TypeError):
        return "without a name"


def _body(value: ApiObject) -> str:
    text = json.dumps(value.to_wire(), ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the object holds text that is not Unicode: half of a surrogate pair") from error
    return text
