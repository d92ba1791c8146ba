"""Secrets of a Workflow: which there are, and how steps get at them, in the shapes of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from penstock.api.v1alpha1.meta import DNS_SUBDOMAIN, ApiModel, rules
from penstock.api.v1alpha1.over_items import StepHead
from penstock.api.v1alpha1.pods import Resources

MAX_SECRETS = 16
"""Secrets of a Workflow: admission asks for each of them whether the author may read it, and has a budget for that."""

SecretName = Annotated[str, Field(pattern=DNS_SUBDOMAIN, max_length=253)]
SecretNames = Annotated[
    tuple[SecretName, ...], Field(max_length=MAX_SECRETS, json_schema_extra={"x-kubernetes-list-type": "set"})
]
SecretKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]


class SecretKeyRef(ApiModel):
    """One key of a Secret."""

    name: SecretName
    """Of the Secret; `spec.secrets` lists it."""
    key: SecretKey
    """Which of its values."""
    optional: bool = False
    """Without the Secret or the key the variable is left out; else the step fails."""


class EnvVarSource(ApiModel):
    """Where the value of a variable comes from."""

    secret_key_ref: SecretKeyRef
    """A value of a Secret."""


class EnvVar(ApiModel):
    """An environment variable of a step."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!(has(self.value) && has(self.valueFrom))", "give one of value and valueFrom to a variable")
        )
    )
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$", max_length=128)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] = ""
    """Its value. `{{ … }}` in it holds CEL; with forEach it sees `item` and `itemIndex`."""
    value_from: EnvVarSource | None = None
    """A Secret that holds its value."""


class SecretRef(ApiModel):
    """A whole Secret."""

    name: SecretName
    """Of the Secret; `spec.secrets` lists it."""
    optional: bool = False
    """Without the Secret there are none of its variables; else the step fails."""


class EnvFrom(ApiModel):
    """Variables out of all keys of a Secret."""

    prefix: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,63})?$", max_length=64)] = ""
    """What is put before each key."""
    secret_ref: SecretRef
    """The Secret."""


class StepSurroundings(StepHead):
    """What a step's program finds around it."""

    env: Annotated[tuple[EnvVar, ...], Field(max_length=100)] = ()
    """Environment variables."""
    env_from: Annotated[tuple[EnvFrom, ...], Field(max_length=MAX_SECRETS)] = ()
    """Secrets whose keys become environment variables. Variables of `env` come before them."""
    secrets: SecretNames = ()
    """Secrets whose keys become files: NAME/KEY in the folder that PENSTOCK_SECRETS names. Each costs a pod 200 to 300
    ms; variables cost nothing."""
    resources: Resources | None = None
    """Processor, memory and disk of an attempt."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One place where a step refers to a Secret."""

    path: str
    """Within the step: `env[0].valueFrom.secretKeyRef.name`."""
    name: str
    """Of the Secret."""
    key: str | None
    """None for all of its keys."""
    optional: bool


def secret_uses(step: StepSurroundings) -> Iterator[SecretUse]:
    """Every place where a step refers to a Secret."""
    for index, variable in enumerate(step.env):
        if variable.value_from is not None:
            ref = variable.value_from.secret_key_ref
            yield SecretUse(f"env[{index}].valueFrom.secretKeyRef.name", ref.name, ref.key, ref.optional)
    for index, source in enumerate(step.env_from):
        yield SecretUse(f"envFrom[{index}].secretRef.name", source.secret_ref.name, None, source.secret_ref.optional)
    for index, name in enumerate(step.secrets):
        yield SecretUse(f"secrets[{index}]", name, None, optional=False)


def uses_of_all(steps: Sequence[StepSurroundings]) -> tuple[SecretUse, ...]:
    """Every place where one of the steps refers to a Secret."""
    return tuple(use for step in steps for use in secret_uses(step))
