"""Checks of steps: names, needs, kinds, gates, retries, time limits, environment. No expression, no script."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.subject import Placed, Subject
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.api.v1alpha1.workflow import KINDS, ApprovalStep, Step
from penstock.engine.graph import find_cycle
from penstock.errors import Problem

RESERVED_PREFIXES = ("PENSTOCK_", "CTX_")
RESERVED_NAMES = frozenset(
    {
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "NODE_OPTIONS",
        "NODE_PATH",
        "GOFLAGS",
        "GOENV",
        "GOAUTH",
        "GOCACHEPROG",
        "GOTOOLCHAIN",
        "PSModulePath",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "IFS",
    }
)
"""Variables by which a value becomes a program that runs before the script."""
WITHOUT_ATTEMPTS = frozenset({"approval", "wait"})
"""Kinds that run no program."""


def check_steps(subject: Subject) -> Iterator[Problem]:
    """Every problem of the steps, step by step, then the cycles."""
    yield from _duplicate_names(subject)
    for placed in subject.steps:
        yield from _kind(placed)
        yield from _needs(subject, placed)
        yield from _gates(placed)
        yield from _wait(placed)
        yield from _times(subject, placed)
        yield from _retry(placed)
        yield from _env(placed)
    yield from _cycles(subject)


def _duplicate_names(subject: Subject) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for placed in subject.steps:
        name = placed.step.name
        if name in seen:
            message = f"The name `{name}` is taken by {seen[name]}."
            yield Problem(f"{placed.path}.name", message, f"Give this step a name of its own, such as `{name}_2`.")
        seen.setdefault(name, placed.path)


def _kind(placed: Placed) -> Iterator[Problem]:
    step = placed.step
    kinds = kinds_of(step)
    if not kinds:
        yield Problem(
            placed.path,
            f"Step `{step.name}` does nothing: it has none of {listed(KINDS)}.",
            "Add `script: {runtime: python, source: ...}` or `approval: {approvers: {users: [...]}}`.",
        )
    for extra in kinds[1:]:
        yield _second_kind(placed, kinds[0], extra)
    if len(kinds) == 1 and kinds[0] in WITHOUT_ATTEMPTS:
        yield from _without_attempts(placed, kinds[0])
    if kinds == ("workflow",):
        yield from _child(placed)


def kinds_of(step: Step) -> tuple[str, ...]:
    """What the step says that it does, by the names of the fields; one where it is right."""
    return tuple(kind for kind in KINDS if getattr(step, kind) is not None)


def _second_kind(placed: Placed, first: str, second: str) -> Problem:
    fix = f"Move `{second}` to a step of its own that needs `{placed.step.name}`, or remove it."
    if second == "approval":
        fix = f"Write `requiresApproval` in place of `approval` for a gate in front of the {first}."
    message = f"Step `{placed.step.name}` has both `{first}` and `{second}`; a step does one thing."
    return Problem(f"{placed.path}.{second}", message, fix)


def _without_attempts(placed: Placed, kind: str) -> Iterator[Problem]:
    """Fields that mean nothing on a step that runs no program."""
    step, article = placed.step, "An" if kind[0] in "aeiou" else "A"
    if step.requires_approval is not None:
        yield Problem(
            f"{placed.path}.requiresApproval",
            f"Step `{step.name}` runs nothing that a gate could stand in front of.",
            "Remove `requiresApproval`, or make it an `approval` step of its own that this step needs.",
        )
    if step.retry is not None:
        yield Problem(
            f"{placed.path}.retry",
            f"{article} `{kind}` step has no attempts, so there is nothing to retry.",
            "Remove `retry`.",
        )
    if step.timeout is not None:
        message = f"{article} `{kind}` step runs no program, so `timeout` limits nothing."
        yield Problem(f"{placed.path}.timeout", message, _instead_of_timeout(kind, step.timeout))
    yield from _without_program(placed, kind)


def _without_program(placed: Placed, kind: str) -> Iterator[Problem]:
    step, article = placed.step, "An" if kind[0] in "aeiou" else "A"
    given = {"env": step.env, "envFrom": step.env_from, "secrets": step.secrets, "resources": step.resources}
    for name, value in given.items():
        if value:
            message = f"{article} `{kind}` step runs no program, so `{name}` has no effect."
            yield Problem(f"{placed.path}.{name}", message, f"Remove `{name}`.")


def _instead_of_timeout(kind: str, timeout: str) -> str:
    return f"Write `expiresAfter: {timeout}` under `approval`." if kind == "approval" else "Remove `timeout`."


def _child(placed: Placed) -> Iterator[Problem]:
    child, path = placed.step.workflow, f"{placed.path}.workflow"
    assert child is not None
    yield from _without_program(placed, "workflow")
    if (child.name is None) == (child.spec_from is None):
        message = "A step runs a Workflow by `name`, or a definition `specFrom` a step: exactly one of the two."
        yield Problem(path, message, "Write `name: order-processing`, or `specFrom: steps.plan.output`.")


def _wait(placed: Placed) -> Iterator[Problem]:
    wait = placed.step.wait
    if wait is None:
        return
    path = f"{placed.path}.wait"
    if (wait.duration is None) == (wait.until is None):
        message = "A step waits for a `duration` or `until` a moment: exactly one of the two."
        yield Problem(path, message, "Write `duration: 10m`, or `until:` with CEL such as `context.not_before`.")
    elif wait.duration is not None and not parse_duration(wait.duration):
        yield Problem(f"{path}.duration", "A wait of no time does nothing.", "Write a time span such as `10m`.")


def _needs(subject: Subject, placed: Placed) -> Iterator[Problem]:
    for index, need in enumerate(placed.step.needs):
        path = f"{placed.path}.needs[{index}]"
        other = subject.by_name.get(need)
        if need == placed.step.name:
            yield Problem(path, f"Step `{need}` needs itself.", f"Remove `{need}` from its `needs`.")
        elif other is None:
            yield _unknown_need(subject, path, need)
        elif other.final and not placed.final:
            yield Problem(
                path,
                f"`{need}` is a step of `finally`, which starts after all other steps have ended.",
                f"Remove `{need}` from `needs`, or move it to `steps`.",
            )
        elif placed.final and not other.final:
            yield Problem(
                path,
                f"A step of `finally` starts when the other steps have ended, however they ended; "
                f"it cannot need `{need}`.",
                f"Remove `{need}` from `needs`; its outcome is in `steps.{need}` all the same.",
            )


def _unknown_need(subject: Subject, path: str, need: str) -> Problem:
    near = closest(need, subject.names)
    fix = f"Write `{near}`." if near else f"The steps are {listed(subject.names)}."
    return Problem(path, f"There is no step `{need}`.", fix)


def _cycles(subject: Subject) -> Iterator[Problem]:
    needs = {name: tuple(need for need in found if need != name) for name, found in subject.needs.items()}
    while cycle := find_cycle(needs):
        way = " → ".join(cycle)
        yield Problem(
            f"{subject.by_name[cycle[0]].path}.needs",
            f"The steps wait for each other: {way}.",
            f"Remove one of these needs, for instance `{cycle[1]}` from the needs of `{cycle[0]}`.",
        )
        # Without the steps of this cycle the next look finds another one.
        needs = {name: found for name, found in needs.items() if name not in cycle}


def _gates(placed: Placed) -> Iterator[Problem]:
    step = placed.step
    for name, gate in (("approval", step.approval), ("requiresApproval", step.requires_approval)):
        if gate is not None:
            yield from _gate(f"{placed.path}.{name}", gate)


def _gate(path: str, gate: ApprovalStep) -> Iterator[Problem]:
    users, groups = set(gate.approvers.users), gate.approvers.groups
    if not users and not groups:
        yield Problem(
            f"{path}.approvers",
            "Nobody may open this gate: it lists neither users nor groups.",
            "Write `approvers: {users: [lead@example.com]}` or `approvers: {groups: [order-leads]}`.",
        )
    elif not groups and gate.quorum > len(users):
        people = "1 user is" if len(users) == 1 else f"{len(users)} users are"
        yield Problem(
            f"{path}.quorum",
            f"{gate.quorum} people must approve, but {people} listed.",
            f"Write `quorum: {len(users)}`, or list more users or a group.",
        )
    if not parse_duration(gate.expires_after):
        message = "The gate would expire the moment it is asked."
        yield Problem(f"{path}.expiresAfter", message, "Write a time span such as `24h`.")


def _times(subject: Subject, placed: Placed) -> Iterator[Problem]:
    if placed.step.timeout is None:
        return
    path, timeout = f"{placed.path}.timeout", parse_duration(placed.step.timeout)
    whole = subject.spec.timeout
    if not timeout:
        yield Problem(path, "A step cannot end in no time.", "Write a time span such as `2m`, or remove `timeout`.")
    elif whole and not placed.final and parse_duration(whole) and timeout > parse_duration(whole):
        yield Problem(
            path,
            f"The step may take {placed.step.timeout}, but the whole run is stopped after {whole}.",
            f"Write at most `{whole}`, or raise `{subject.root}.timeout`.",
        )


def _retry(placed: Placed) -> Iterator[Problem]:
    retry = placed.step.retry
    if retry is None or WITHOUT_ATTEMPTS.issuperset(kinds_of(placed.step)):
        return
    path = f"{placed.path}.retry"
    if retry.limit == 0 and retry.model_fields_set != {"limit"}:
        yield Problem(
            path,
            "`retry` allows no further attempt: its `limit` is 0.",
            "Write `limit: 3`, or remove `retry`.",
        )
    if parse_duration(retry.backoff.initial) > parse_duration(retry.backoff.max):
        yield Problem(
            f"{path}.backoff.initial",
            f"The first wait ({retry.backoff.initial}) is longer than the longest one ({retry.backoff.max}).",
            f"Write at most `{retry.backoff.max}`, or raise `max`.",
        )


def _env(placed: Placed) -> Iterator[Problem]:
    step = placed.step
    for index, variable in enumerate(step.env):
        path, name = f"{placed.path}.env[{index}].name", variable.name
        if name in RESERVED_NAMES:
            message = f"`{name}` decides what runs before the script, so a step may not set it."
            yield Problem(path, message, f"Use another name, and set `{name}` in the script where it is needed.")
        elif name.startswith(RESERVED_PREFIXES):
            prefix = next(prefix for prefix in RESERVED_PREFIXES if name.startswith(prefix))
            message = f"Names that begin with `{prefix}` are Penstock's own."
            yield Problem(path, message, f"Write another name, such as `{name.removeprefix(prefix) or 'VALUE'}`.")
    yield from _duplicate_env(placed.path, step)


def _duplicate_env(path: str, step: Step) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, variable in enumerate(step.env):
        name = variable.name
        if name in first:
            message = f"The variable `{name}` is set already by {path}.env[{first[name]}]."
            yield Problem(f"{path}.env[{index}].name", message, "Remove one of the two.")
        first.setdefault(name, index)
