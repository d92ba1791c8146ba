"""What all kinds share: the model base, object metadata, conditions, durations, names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

STEP_NAME = r"^[a-z][a-z0-9_]{0,62}$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
MAX_STEPS = 200
"""Of a Workflow, less those of `finally`."""
PERCENT = r"^(100|[0-9]{1,2})%$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""What Kubernetes takes for the name of a Secret or a ServiceAccount."""
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"

SERVED_DEFAULT = "x-penstock-served-default"
"""Marks a default that the API server itself fills in. All other defaults are ours, so that objects stay as written."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
MAX_DURATION = timedelta(days=365)


def parse_duration(text: str) -> timedelta:
    """`1h30m`, `2s`, `500ms`, `7d` as a timedelta. Raises ValueError with what to write instead."""
    if not re.match(DURATION, text):
        raise ValueError(f"`{text}` is not a duration; write it as 90s, 5m, 1h30m or 7d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h|d)", text))
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError(f"`{text}` is longer than 365d")
    return timedelta(seconds=seconds)


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, Field(pattern=DURATION, max_length=32), AfterValidator(_checked_duration)]
"""A time span as text."""

StepName = Annotated[str, Field(pattern=STEP_NAME, max_length=63)]
"""A CEL identifier: `send_email`, no hyphen, which CEL reads as minus."""

ObjectName = Annotated[str, Field(pattern=OBJECT_NAME, max_length=63)]
"""Name of a Kubernetes object, at most 63 characters."""

Expression = Annotated[str, Field(min_length=1, max_length=4096)]
"""CEL."""


def _checked_count(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or (isinstance(value, str) and re.match(PERCENT, value)):
        return value
    raise ValueError(f"`{value}` is neither a number nor a percentage; write it as 5 or 10%")


CountOrPercent = Annotated[
    int | str,
    PlainValidator(_checked_count),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": PERCENT, "maxLength": 4, "minimum": 0}),
]
"""A number, or a percentage as text."""

UserName = Annotated[str, Field(min_length=1, max_length=253)]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""A moment in UTC, written as RFC 3339 with microseconds."""

FreeForm = Annotated[dict[str, JsonValue], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""A JSON object whose shape is not ours."""

AnyJson = Annotated[JsonValue, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""Any JSON value."""


def rules(*checks: tuple[str, str]) -> dict[str, JsonValue]:
    """CEL rules for the API server, each with what it says when it is broken; goes into `json_schema_extra`."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in checks]}


def served_default(value: JsonValue) -> dict[str, JsonValue]:
    """A default that the API server fills in, so that every reader sees it; goes into `json_schema_extra`."""
    return {SERVED_DEFAULT: value}


def named_like_a_label(kind: str) -> dict[str, JsonValue]:
    """The rule that an object's name fits into a label value, where Jobs and pods carry it."""
    return rules(
        (
            f"self.metadata.name.matches('{OBJECT_NAME}')",
            f"the name of a {kind} has at most 63 lower case letters, digits and hyphens, and no dots",
        )
    )


class ApiModel(BaseModel):
    """Base of all wire types: camelCase outside, unknown fields refused, never changed in place."""

    # Only what is used is built, when it is: a short command uses few of these.
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, defer_build=True
    )

    def to_wire(self) -> dict[str, Any]:
        """The object as JSON, less what equals its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


class Identity(ApiModel):
    """Who did something, as the API server knew them at that moment."""

    user: Annotated[str, Field(max_length=253)]
    """User name, as the API server authenticated it."""
    client: Annotated[str, Field(max_length=253, json_schema_extra=served_default(""))] = ""
    """The client that the user came through, `sa:<namespace>:<name>` for a ServiceAccount; empty when unknown."""
    groups: Annotated[
        tuple[Annotated[str, Field(max_length=253)], ...],
        Field(max_length=256),
    ] = ()
    """The groups of the user at that moment."""


class OwnerReference(ApiModel):
    """The object that this one goes with."""

    model_config = ConfigDict(extra="ignore")
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(ApiModel):
    """The part of Kubernetes object metadata that we use; the rest is left alone."""

    model_config = ConfigDict(extra="ignore")
    name: str = ""
    generate_name: str | None = None
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class Condition(ApiModel):
    """One statement about an object, in the form of Kubernetes conditions."""

    type: Annotated[str, Field(max_length=64)]
    """What the statement is about."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(max_length=128)]
    """Why, as one word for programs."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, as sentences for people."""
    last_transition_time: Timestamp | None = None
    """When `status` last changed."""
    observed_generation: int | None = None
    """The generation of the object that the statement was made about."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=8,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
"""At most one condition of each type."""


class ApiObject(ApiModel):
    """Base of the kinds: metadata, and apiVersion and kind that are always written."""

    metadata: ObjectMeta

    def to_wire(self) -> dict[str, Any]:
        """The object as JSON, less what equals its default, with apiVersion and kind."""
        head = {"apiVersion": getattr(self, "api_version", ""), "kind": getattr(self, "kind", "")}
        return {**head, **ApiModel.to_wire(self)}
