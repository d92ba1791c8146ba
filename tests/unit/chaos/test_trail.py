"""The audit log beside a history: what fits passes, and each contradiction is found by its check."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.history import Change, History
from tests.chaos.real.trail import CHECKS, Entry, entry, violations
from tests.support.cluster import OPERATOR

JOB = {
    "metadata": {
        "name": "run-ship-1",
        "uid": "job",
        "labels": {"penstock.dev/run": "run"},
        "annotations": {"penstock.dev/step": "ship", "penstock.dev/attempt": "1", "penstock.dev/digest": "d"},
        "ownerReferences": [{"uid": "run", "controller": True}],
    },
    "spec": {},
}
REQUEST: dict[str, Any] = {"metadata": {"name": "gate", "uid": "gate"}, "spec": {"request": {}, "decisions": []}}
VOTED = {**REQUEST, "spec": {"request": {}, "decisions": [{"by": "alice", "verdict": "approve"}]}}


def a_history() -> History:
    changes = [("ADDED", "jobs", JOB), ("ADDED", "approvalrequests", REQUEST), ("MODIFIED", "approvalrequests", VOTED)]
    return History([Change(1.0, "cluster", kind, plural, found) for kind, plural, found in changes])


GOOD = [
    Entry(OPERATOR, "create", "jobs", "run-ship-1", 201),
    Entry(OPERATOR, "create", "approvalrequests", "gate", 201),
    Entry("alice", "patch", "approvalrequests", "gate", 200),
    Entry(OPERATOR, "patch", "jobs/status", "run-ship-1", 200),
    Entry("mallory", "patch", "jobs", "run-ship-1", 403),
    Entry("system:serviceaccount:kube-system:generic-garbage-collector", "delete", "jobs", "run-ship-1", 200),
]


def test_what_fits_passes():
    assert violations(a_history(), GOOD) == []


def test_an_answer_that_nobody_got_is_no_contradiction():
    assert violations(a_history(), [*GOOD[1:], Entry(OPERATOR, "create", "jobs", "run-ship-1", 0)]) == []


@pytest.mark.parametrize(
    ("rule", "trail"),
    [
        pytest.param("made_once_by_the_operator", GOOD[1:], id="a Job that nobody made"),
        pytest.param(
            "made_once_by_the_operator",
            [Entry("mallory", "create", "jobs", "run-ship-1", 201), *GOOD[1:]],
            id="a Job that somebody else made",
        ),
        pytest.param("made_once_by_the_operator", [GOOD[0], *GOOD], id="a Job that was made twice"),
        pytest.param("votes_are_their_voters_own", [*GOOD[:2], *GOOD[3:]], id="a vote that nobody sent"),
        pytest.param(
            "votes_are_their_voters_own",
            [*GOOD[:2], Entry("mallory", "patch", "approvalrequests", "gate", 200)],
            id="a vote in another's name",
        ),
        pytest.param(
            "votes_are_their_voters_own",
            [*GOOD, Entry("dan", "patch", "approvalrequests", "gate", 200)],
            id="a vote that was lost",
        ),
        pytest.param(
            "nobody_else_writes", [*GOOD, Entry("mallory", "patch", "jobs", "run-ship-1", 200)], id="a foreign hand"
        ),
    ],
)
def test_a_contradiction_is_found(rule: str, trail: list[Entry]):
    assert rule in {found for found, _ in violations(a_history(), trail)}


def test_every_check_is_tried():
    assert set(CHECKS) == {"made_once_by_the_operator", "votes_are_their_voters_own", "nobody_else_writes"}


def test_whoever_is_acted_for_counts():
    event = {
        "user": {"username": "kubernetes-admin"},
        "impersonatedUser": {"username": "alice"},
        "verb": "patch",
        "objectRef": {"resource": "approvalrequests", "subresource": "status", "name": "gate"},
    }
    assert entry(event) == Entry("alice", "patch", "approvalrequests/status", "gate", 0)
