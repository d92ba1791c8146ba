"""Checks of how long finished runs are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.subject import Subject
from penstock.errors import Problem

SHORTEST = timedelta(seconds=10)
"""Whoever waits for a run, or looks at it when he is told that it has ended, must still find it."""


def check_retention(subject: Subject) -> Iterator[Problem]:
    """Every problem of `retention`."""
    retention = subject.spec.retention
    if retention is None:
        return
    for name, span in (("succeeded", retention.succeeded), ("failed", retention.failed)):
        if span is not None and parse_duration(span) < SHORTEST:
            message = f"`{span}` would take a run away before whoever waits for it has seen how it ended."
            yield Problem(f"{subject.root}.retention.{name}", message, "Write at least `10s`.")
