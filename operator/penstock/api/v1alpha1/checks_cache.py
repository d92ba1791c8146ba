"""Checks of `cache`: only what a program gives for its input alone may be taken for what it would give again."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.api.v1alpha1.caching import StepCache
from penstock.api.v1alpha1.checks_steps import kinds_of
from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.subject import Placed, Subject
from penstock.errors import Problem

_WHY_NOT = {
    "approval": "An `approval` step asks people in each run; no earlier answer counts.",
    "wait": "A `wait` step gives no output that could be taken.",
    "workflow": "A `workflow` step always has its own run.",
}
_REMOVE = "Remove `cache`."


def check_cache(subject: Subject) -> Iterator[Problem]:
    """Every problem of every `cache`."""
    for placed in subject.steps:
        if placed.step.cache is not None:
            yield from _step(placed, f"{placed.path}.cache", placed.step.cache)


def _step(placed: Placed, path: str, cache: StepCache) -> Iterator[Problem]:
    step = placed.step
    for kind in kinds_of(step):
        if kind in _WHY_NOT:
            fix = "Put `cache` on the steps of that Workflow." if kind == "workflow" else _REMOVE
            yield Problem(path, _WHY_NOT[kind], fix)
    if step.requires_approval is not None:
        message = f"Step `{step.name}` runs what people allow in each run, so it never takes an earlier output."
        yield Problem(path, message, "Remove `cache`, or move what may be reused to a step before the gate.")
    if step.for_each is not None:
        message = "A step with `forEach` runs its items in each run; outputs of items are not reused."
        yield Problem(path, message, _REMOVE)
    if placed.final:
        message = "A step of `finally` is there for what it does at the end of each run, not for its output."
        yield Problem(path, message, _REMOVE)
    if step.container is not None and "@sha256:" not in step.container.image:
        yield Problem(
            f"{placed.path}.container.image",
            f"`{step.container.image}` may be another image tomorrow, so an earlier output may not be what it gives.",
            "Write the image by its digest, `registry.example/tool@sha256:…`, or remove `cache`.",
        )
    if not parse_duration(cache.ttl):
        yield Problem(f"{path}.ttl", "An output would be too old at once.", "Write a time span such as `1h`.")
