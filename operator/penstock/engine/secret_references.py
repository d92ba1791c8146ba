"""What a step's program says of Secrets: which it needs, never what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VARIABLE_PREFIX = "PENSTOCK_SECRET_ENV_"
"""Begins the variables of whole Secrets on their way to a harness, which masks them and takes it off again."""
FOLDER_VARIABLE = "PENSTOCK_SECRETS"
"""Names the folder with Secrets as files."""
ASSERTION = "assertion"
"""Stands in `valueFrom` for what is signed for one attempt alone, in place of a Secret that somebody keeps."""
ASSERTION_KEY = "token"
"""Key of an assertion in the Secret of its attempt."""


def plain_variables(program: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """The variables of the program whose values are written down: `{"name", "value"}`."""
    return (each for each in program.get("env", ()) if "value" in each)


def secret_variables(program: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, `{"name", "key", "optional"}`) of the variables that hold a value of a Secret."""
    for each in program.get("env", ()):
        if "secretKeyRef" in each.get("valueFrom", ()):
            yield each["name"], each["valueFrom"]["secretKeyRef"]


def assertion_of(program: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The variable that an assertion goes into, and what it says: `user`, `client`, `groups`, `audience`, `seconds`."""
    for each in program.get("env", ()):
        if ASSERTION in each.get("valueFrom", ()):
            return each["name"], each["valueFrom"][ASSERTION]
    return None


def secret_env(program: Mapping[str, Any]) -> dict[str, list[str]]:
    """The field of the input document that says which variables are to be masked; empty where there are none."""
    names = [each["name"] for each in program.get("env", ()) if "valueFrom" in each]
    return {"secretEnv": names} if names else {}
