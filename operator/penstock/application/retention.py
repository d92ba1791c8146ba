"""How long finished runs are kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from penstock.api.v1alpha1.checks_retention import SHORTEST
from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.retention import Retention
from penstock.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Policy:
    """For the finished runs of one Workflow."""

    succeeded: timedelta | None = None
    """How long those that succeeded are kept after their end; None is for ever."""
    failed: timedelta | None = None
    """How long the others are kept; None is for ever."""
    keep: int | None = None
    """How many are kept at most, the newest of them; None is any number."""


def installation_policy(succeeded: str, failed: str, keep: int) -> Policy:
    """What an installation says for Workflows that say nothing: empty text is for ever, 0 any number.

    Raises InvalidInput.
    """
    return Policy(
        span_of("PENSTOCK_RETENTION_SUCCEEDED", succeeded), span_of("PENSTOCK_RETENTION_FAILED", failed), keep or None
    )


def policy_of(retention: Retention | None, otherwise: Policy) -> Policy:
    """What a Workflow says, and what its installation does where the Workflow is silent."""
    if retention is None:
        return otherwise
    return Policy(
        _span(retention.succeeded) if retention.succeeded else otherwise.succeeded,
        _span(retention.failed) if retention.failed else otherwise.failed,
        retention.keep or otherwise.keep,
    )


def _span(text: str) -> timedelta:
    # A Workflow that asks for less is not valid, but its finished runs are there all the same.
    return max(parse_duration(text), SHORTEST)


def span_of(name: str, text: str) -> timedelta | None:
    """A setting that is a length of time, at least a few seconds; None where it is empty. Raises InvalidInput."""
    if not text:
        return None
    try:
        return _span(text)
    except ValueError as error:
        raise InvalidInput("the settings are not valid", problems=(Problem(name, f"{error}."),)) from error
