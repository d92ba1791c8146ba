"""Checks of steps that call a Connection: what may stand in a request and in a statement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.api.v1alpha1.calls import CALLS, HttpStep, LlmStep, call_runtime
from penstock.api.v1alpha1.checks_sql import check_sql
from penstock.api.v1alpha1.subject import Placed, Subject
from penstock.errors import Problem

_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding", "te", "upgrade"}
)
"""Headers that follow from the request itself."""
_HEADER = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,63}")
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


def check_calls(subject: Subject) -> Iterator[Problem]:
    """Every problem of every step that calls a Connection."""
    for placed in subject.steps:
        step = placed.step
        if step.connection is None:
            continue
        yield from _around(subject, placed)
        if step.http is not None:
            yield from _http(f"{placed.path}.http", step.http)
        if step.sql is not None:
            yield from check_sql(f"{placed.path}.sql", step.sql, subject.tools.check_expression)
        if step.llm is not None:
            yield from _llm(f"{placed.path}.llm", step.llm)


def _around(subject: Subject, placed: Placed) -> Iterator[Problem]:
    step, images = placed.step, subject.tools.images
    kind = next(kind for kind in CALLS if getattr(step, kind) is not None)
    runtime = call_runtime(kind)
    if images is not None and runtime not in images:
        message = f"This installation has no image for the runtime `{runtime}`, which `{kind}` steps run in."
        yield Problem(f"{placed.path}.{kind}", message, f"Set `runtimes.{runtime}.image` of the chart.")
    given = {"env": step.env, "envFrom": step.env_from, "secrets": step.secrets}
    for name, value in given.items():
        if value:
            message = f"A step with `{kind}` has no program of its own that could read `{name}`."
            fix = f"Remove `{name}`; a credential goes into `auth` of the Connection."
            yield Problem(f"{placed.path}.{name}", message, fix)


def _http(path: str, call: HttpStep) -> Iterator[Problem]:
    if "body" in call.model_fields_set and call.method in ("GET", "HEAD"):
        yield Problem(f"{path}.body", f"A {call.method} has no body.", "Put the values into `query`, or use POST.")
    if call.paginate is not None and call.method != "GET":
        message = "Only the answer of a GET has further pages."
        yield Problem(f"{path}.paginate", message, "Remove `paginate`.")
    for name in call.headers:
        if not _HEADER.fullmatch(name):
            message = f"`{name[:80]}` is not the name of a header."
            yield Problem(f"{path}.headers", message, "Write letters, digits and hyphens, such as `X-Request-Id`.")
        elif name.lower() in _CREDENTIALS:
            message = f"`{name}` is a credential, which every reader of the Workflow would see."
            fix = "Put its value into a Secret, and name that in `auth` of the Connection."
            yield Problem(f"{path}.headers.{name}", message, fix)
        elif name.lower() in _OURS:
            message = f"`{name}` follows from the request itself."
            yield Problem(f"{path}.headers.{name}", message, f"Remove `{name}`.")


def _llm(path: str, call: LlmStep) -> Iterator[Problem]:
    if "{{" in call.prompt:
        message = "A value within a prompt could not be told from what you ask."
        fix = (
            "Take it out, and put it into `data`: `{request: '{{ context.prompt }}'}`; the model sees it by that name."
        )
        yield Problem(f"{path}.prompt", message, fix)
    if call.plans is not None and call.output_schema is not None:
        message = "The answer is a plan, or it fits a schema of yours."
        yield Problem(f"{path}.outputSchema", message, "Remove `outputSchema`, or remove `plans`.")
    if call.output_schema and call.output_schema.get("type") != "object":
        message = "A model answers with an object, whatever is in it."
        fix = "Write `type: object`, and what you want to know into its `properties`."
        yield Problem(f"{path}.outputSchema", message, fix)
    if call.plans is not None and call.plans.approvers is not None:
        approvers = call.plans.approvers
        if not (approvers.users or approvers.groups):
            message = "Nobody could decide about what the plan adds: it lists neither users nor groups."
            yield Problem(f"{path}.plans.approvers", message, "Write `approvers: {users: [lead@example.com]}`.")
