"""Checks of Secrets: steps use what the Workflow lists, and a variable has one source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.api.v1alpha1.checks_steps import RESERVED_PREFIXES
from penstock.api.v1alpha1.secrets import SecretUse, secret_uses
from penstock.api.v1alpha1.subject import Placed, Subject
from penstock.api.v1alpha1.suggestions import closest
from penstock.errors import Problem


def check_secrets(subject: Subject) -> Iterator[Problem]:
    """Every problem with Secrets, those of the Workflow first."""
    yield from _twice(f"{subject.root}.secrets", subject.spec.secrets)
    for placed in subject.steps:
        yield from _sources(placed)
        yield from _twice(f"{placed.path}.secrets", placed.step.secrets)
        for use in secret_uses(placed.step):
            if use.name not in subject.spec.secrets:
                yield _unlisted(subject, placed, use)


def _twice(path: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"{path}[{index}]", f"Secret `{name}` is listed twice.", "Remove one of the two.")


def _sources(placed: Placed) -> Iterator[Problem]:
    for index, variable in enumerate(placed.step.env):
        if variable.value_from is not None and "value" in variable.model_fields_set:
            yield Problem(
                f"{placed.path}.env[{index}].value",
                f"`{variable.name}` has both `value` and `valueFrom`.",
                "Remove one of the two.",
            )
    for index, source in enumerate(placed.step.env_from):
        if source.prefix.startswith(RESERVED_PREFIXES):
            message = f"Names that begin with `{source.prefix}` are Penstock's own."
            yield Problem(f"{placed.path}.envFrom[{index}].prefix", message, "Write another prefix, such as `DB_`.")


def _unlisted(subject: Subject, placed: Placed, use: SecretUse) -> Problem:
    listed = subject.spec.secrets
    near = closest(use.name, listed)
    whole = ", ".join((*listed, use.name))
    fix = f"Write `{near}`, or list it" if near else "List it"
    return Problem(
        f"{placed.path}.{use.path}",
        f"Secret `{use.name}` is not in `{subject.root}.secrets`, where those that may be used are listed.",
        f"{fix}: `secrets: [{whole}]` under `{subject.root}`.",
    )
