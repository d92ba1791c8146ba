"""Deterministic names. The name of an attempt is the fence that keeps it from being created twice.

A readable prefix and ten hex digits of a SHA-256: 40 bits within one run's few thousand attempts, and a clash is
noticed by owner and digest, never adopted.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

MAX_NAME = 63
"""Longest label value and DNS label of Kubernetes."""
_HEX = 10
_MOMENT = "20260102-0300"


def attempt_name(run: str, uid: str, step: str, attempt: int, batch: int | None = None) -> str:
    """Name of an attempt's Job and pod; `batch` where the step is fanned out."""
    if batch is None:
        return _name(f"{run}-{step}-{attempt}", "attempt", uid, step, str(attempt))
    return _name(f"{run}-{step}-{batch}-{attempt}", "batch", uid, step, str(attempt), str(batch))


def gate_name(run: str, uid: str, step: str, asked: int) -> str:
    """Name of the ApprovalRequest of a step's gate; `asked` counts the requests, from 1."""
    return _name(f"{run}-{step}", "gate", uid, step, str(asked))


def output_name(run: str, uid: str, digest: str) -> str:
    """Name under which a run keeps the output with this outputDigest; 59 characters at most, to leave room for parts.

    A program chooses what it outputs, so the name has 128 bits of the digest: nobody finds two outputs with one name.
    """
    content = hashlib.sha256(f"{len(uid)}:{uid}{digest}".encode()).hexdigest()[:32]
    return f"{_readable(run)[:26].strip('-')}-{content}"


def log_ends_name(run: str, uid: str) -> str:
    """Name under which the ends of a run's logs are kept."""
    return _name(f"{run}-logs", "logs", uid)


def tick_name(workflow: str, uid: str, schedule: str, tick: datetime) -> str:
    """Name of the run that a schedule starts for one moment: whoever starts it, it is one run."""
    moment = tick.astimezone(UTC)
    readable = f"{workflow[: MAX_NAME - _HEX - len(_MOMENT) - 2]}-{moment:%Y%m%d-%H%M}"
    return _name(readable, "tick", uid, schedule, moment.isoformat())


def look_name(connection: str, uid: str, generation: int, before: str) -> str:
    """Name of the run that looks at a Connection next; `before` is the run that did so last, empty for none."""
    return _name(f"look-{connection}", "look", uid, str(generation), before)


def revision_name(workflow: str, digest: str) -> str:
    """Name of a Workflow's revision with this revisionDigest (`sha256:<hex>`)."""
    return f"{_readable(workflow)}-{digest.removeprefix('sha256:')[:_HEX]}"


def _name(readable: str, *parts: str) -> str:
    # Length-prefixed, so that ("a", "bc") and ("ab", "c") cannot give one name.
    seed = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{_readable(readable)}-{hashlib.sha256(seed.encode()).hexdigest()[:_HEX]}"


def _readable(text: str) -> str:
    plain = "".join(char if char.isalnum() and char.isascii() else "-" for char in text.lower())
    return plain[: MAX_NAME - _HEX - 1].strip("-") or "x"
