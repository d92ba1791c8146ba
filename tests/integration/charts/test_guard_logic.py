"""The rules of the ApprovalRequest guard against an oracle, over every small change that somebody could send.

The expressions are those of the chart; another CEL than the API server's evaluates them, so this proves the logic, and
tests/e2e/guards that the API server reads them the same way.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cel
import pytest

from tests.integration.charts.conftest import Helm

pytestmark = pytest.mark.timeout(300, func_only=True)

Decision = dict[str, str]

DIGEST = "sha256:aa"
REQUEST: dict[str, Any] = {
    "digest": DIGEST,
    "quorum": 2,
    "requestedBy": {"user": "bob", "client": "agent"},
    "approvers": {"users": ["ann", "bob", "system:serviceaccount:x:y"], "groups": ["leads"]},
}
OPERATOR = "system:serviceaccount:penstock-system:penstock-operator"
AUTHORIZER = "mayBypass"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a change."""

    user: str
    groups: tuple[str, ...] = ()
    through: str = ""
    may_bypass: bool = False

    @property
    def client(self) -> str:
        return "sa:x:y" if self.user == "system:serviceaccount:x:y" else self.through


CALLERS = (
    Caller("ann"),
    Caller("ann", through="agent"),
    Caller("ann", through="phone"),
    Caller("ann", through="apikey:k1"),
    Caller("bob"),
    Caller("lee", ("leads",)),
    Caller("eve", ("others",)),
    Caller("eve", may_bypass=True),
    Caller("bob", may_bypass=True),
    Caller("system:serviceaccount:x:y"),
    Caller(OPERATOR),
)


def a_decision(by: str, **changes: str) -> Decision:
    return {"by": by, "verdict": "approve", "digest": DIGEST, "client": "", "comment": "", **changes}


VOTES = (
    a_decision("ann"),
    a_decision("ann", verdict="reject"),
    a_decision("ann", digest="sha256:bb"),
    a_decision("ann", client="agent"),
    a_decision("ann", client="phone"),
    a_decision("ann", client="apikey:k1"),
    a_decision("bob"),
    a_decision("lee"),
    a_decision("eve"),
    a_decision("eve", verdict="bypass", comment="the house is on fire"),
    a_decision("eve", verdict="bypass"),
    a_decision("bob", verdict="bypass", comment="the house is on fire"),
    a_decision("system:serviceaccount:x:y", client="sa:x:y"),
    a_decision(OPERATOR),
)
BEFORE: tuple[tuple[Decision, ...], ...] = ((), (VOTES[0],), (VOTES[6],), (VOTES[0], VOTES[6]))


def afters(before: tuple[Decision, ...]) -> Iterator[tuple[Decision, ...]]:
    """Everything that could stand there next: kept, taken away, altered, added to; each voter once, as in the CRD."""
    kept = [combination for size in range(len(before) + 1) for combination in itertools.combinations(before, size)]
    for some in kept:
        for size in range(3):
            for added in itertools.combinations(VOTES, size):
                after = (*some, *added)
                if len({decision["by"] for decision in after}) == len(after):
                    yield after


def oracle(caller: Caller, before: tuple[Decision, ...], after: tuple[Decision, ...], *, same_request: bool) -> bool:
    """Whether the change is allowed; written from the design, not from the expressions."""
    if caller.user == OPERATOR:
        return after == before and same_request
    lost = [decision for decision in before if decision not in after]
    new = [decision for decision in after if decision not in before]
    if lost or not same_request or len(new) > 1:
        return False
    if not new:
        return True
    (vote,) = new
    person = not caller.user.startswith("system:") and not caller.client.startswith("apikey:")
    honest = vote["by"] == caller.user and vote["digest"] == DIGEST and vote["client"] == caller.client
    apart = caller.user != "bob" and caller.client != "agent"
    if vote["verdict"] == "bypass":
        entitled = caller.may_bypass and len(vote["comment"]) >= 10
    else:
        entitled = caller.user in REQUEST["approvers"]["users"] or "leads" in caller.groups
    return person and honest and apart and entitled


class Guard:
    """The policy of the chart, evaluated here."""

    def __init__(self, policy: dict[str, Any]) -> None:
        spec = policy["spec"]
        # A program costs little and its context much, so what can be worked out together is one program.
        self._variables = [cel.compile(text) for text in _together(spec["variables"])]
        self._messages = [one["message"] for one in spec["validations"]]
        self._rules = cel.compile(
            f"[{', '.join(_without_authorizer(one['expression']) for one in spec['validations'])}]"
        )

    def refusals(self, caller: Caller, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """The messages of all rules that the change breaks."""
        user: dict[str, Any] = {"username": caller.user, "groups": [*caller.groups, "system:authenticated"]}
        if caller.through:
            user["extra"] = {"penstock.dev/client": [caller.through]}
        variables: dict[str, Any] = {}
        values = {
            "request": {"operation": "UPDATE", "userInfo": user, "namespace": "n", "name": "gate"},
            "oldObject": old,
            "object": new,
            "variables": variables,
            AUTHORIZER: caller.may_bypass,
        }
        for program in self._variables:
            variables.update(program.execute(_context(values)))
        kept = self._rules.execute(_context(values))
        return [message for message, holds in zip(self._messages, kept, strict=True) if holds is not True]


def _context(values: dict[str, Any]) -> cel.Context:
    context = cel.Context(variables=values)
    context.add_function("trim", str.strip)
    context.add_function("substring", lambda text, start: text[start:])
    return context


def _without_authorizer(expression: str) -> str:
    # The API server asks its authorizer there, which this CEL has not.
    head, found, _ = expression.partition("authorizer.")
    return f"({head}{AUTHORIZER})" if found else f"({expression})"


def _together(variables: list[dict[str, str]]) -> Iterator[str]:
    """Map literals that give all variables, each naming only those of the maps before it."""
    left = {one["name"]: one["expression"] for one in variables}
    while left:
        waiting = {
            name
            for name, expression in left.items()
            if any(re.search(rf"variables\.{other}\b", expression) for other in left)
        }
        yield "{" + ", ".join(f"'{name}': ({left[name]})" for name in left if name not in waiting) + "}"
        left = {name: left[name] for name in left if name in waiting}


@pytest.fixture(scope="module")
def guard(helm: Helm) -> Guard:
    return Guard(helm.manifests().named("ValidatingAdmissionPolicy", "approvalrequests.penstock.dev"))


def an_object(request: dict[str, Any], decisions: tuple[Decision, ...]) -> dict[str, Any]:
    return {
        "metadata": {"name": "gate"},
        "spec": {"request": request, "decisions": list(decisions)},
        "status": {"phase": "Pending"},
    }


def changes() -> Iterator[tuple[Caller, tuple[Decision, ...], tuple[Decision, ...], bool]]:
    for caller, before in itertools.product(CALLERS, BEFORE):
        for after in afters(before):
            yield caller, before, after, True
            if len(after) - len(before) in (0, 1):
                yield caller, before, after, False


def test_every_small_change(guard: Guard) -> None:
    tried = allowed = 0
    for caller, before, after, same in changes():
        request = REQUEST if same else {**REQUEST, "quorum": 1}
        refusals = guard.refusals(caller, an_object(REQUEST, before), an_object(request, after))
        want = oracle(caller, before, after, same_request=same)
        assert (not refusals) == want, f"{caller} turns {before} into {after}: {refusals or 'allowed'}"
        tried += 1
        allowed += want
    assert tried > 5_000
    assert allowed > 50


@pytest.mark.parametrize(
    ("change", "want"),
    [
        pytest.param(lambda made: made["status"].update(phase="Expired"), "this request is closed", id="after its end"),
    ],
)
def test_other_fields(guard: Guard, change: Callable[[dict[str, Any]], None], want: str) -> None:
    old = an_object(REQUEST, ())
    change(old)
    assert guard.refusals(Caller("ann"), old, an_object(REQUEST, (VOTES[0],))) == [want]
