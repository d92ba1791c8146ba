"""What keeps an attempt's pod from starting for now: how it is said, and how it is told again from what was said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure

_HINDRANCES: Final[Mapping[FailureCode, str]] = MappingProxyType(
    {
        FailureCode.UNSCHEDULABLE: "pod is not scheduled",
        FailureCode.QUOTA_EXCEEDED: "the quota is used up",
        FailureCode.IMAGE_PULL_FAILED: "the image cannot be had",
        FailureCode.IMAGE_RUNS_AS_ROOT: "the image runs as root, or as a user without a number, which steps may not",
        FailureCode.CONTAINER_CONFIG_INVALID: "the container cannot be made",
        FailureCode.SECRET_MISSING: "a Secret is missing",
        FailureCode.POD_NOT_READY: "the pod cannot be made ready",
    }
)
"""What is said of a pod that cannot start for now, before the cluster's own words."""


def hindrance(code: FailureCode, words: str, step: str) -> Failure:
    """What keeps an attempt from starting, and what it comes to if that never ends."""
    return Failure(code, f"{_HINDRANCES[code]}: {words}", step)


def hindrance_of(message: str) -> FailureCode | None:
    """What a waiting message of a step would come to; None where it is something else."""
    return next((code for code, text in _HINDRANCES.items() if message.startswith(f"{text}: ")), None)
