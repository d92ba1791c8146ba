"""What is told of a gate, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.application.notifications import ANNOTATION, due, notice_of
from penstock.ports.notices import Occasion

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def gate(
    *told: str, phase: str = "Pending", hours: float = 24, message: str = "Release?", **decision: Any
) -> ApprovalRequest:
    asked = {
        "run": {"name": "order-1", "uid": "u-1"},
        "step": "release",
        "attempt": 1,
        "digest": "sha256:" + "1" * 64,
        "subject": "{}",
        "requestedBy": {"user": "bob"},
        "approvers": {"users": ["alice"], "groups": ["leads"]},
        "quorum": 1,
        "message": message,
        "expiresAt": (NOON + hours * HOUR).isoformat(),
        "nonce": "n",
    }
    meta = {"name": "order-1-release", "namespace": "sales", "uid": "g-1", "creationTimestamp": NOON.isoformat()}
    return ApprovalRequest.model_validate(
        {
            "metadata": {**meta, "annotations": {ANNOTATION: ",".join(told)} if told else {}},
            "spec": {"request": asked, "decisions": [decision] if decision else []},
            "status": {"phase": phase},
        }
    )


@pytest.mark.parametrize(
    ("request_", "after", "occasion", "again"),
    [
        pytest.param(gate(), 0, Occasion.OPENED, None, id="nobody knows of it"),
        pytest.param(gate("opened"), 0, None, 23, id="the reminder is an hour before the end"),
        pytest.param(gate("opened", hours=2), 0, None, 1.5, id="of a short one a quarter before"),
        pytest.param(gate("opened"), 23, Occasion.EXPIRING, None, id="the reminder"),
        pytest.param(gate("opened", "expiring"), 23.5, None, None, id="one reminder is enough"),
        pytest.param(gate("opened", phase="Approved"), 1, Occasion.ENDED, None, id="it ended"),
        pytest.param(gate("opened", "ended", phase="Approved"), 1, None, None, id="all was told"),
        pytest.param(gate(phase="Approved"), 1, None, None, id="it ended before anybody was told"),
    ],
)
def test_what_is_due(request_: ApprovalRequest, after: float, occasion: Occasion | None, again: float | None):
    when = NOON + again * HOUR if again is not None else None
    assert due(request_, NOON + after * HOUR, HOUR) == (occasion, when)


def test_the_words_say_who_may_answer_until_when_and_how():
    notice = notice_of(gate(), Occasion.OPENED, NOON, "https://flows.example.com/{namespace}/{name}?run={run}")
    text = "\n".join(notice.lines)
    assert notice.subject == "Approval needed: order-1: release"
    for part in ("Release?", "alice, group leads; 1 of them", "2026-01-03 12:00 UTC", "asked for by bob"):
        assert part in text
    assert "penstock approve sales/order-1-release" in text
    assert "https://flows.example.com/sales/order-1-release?run=order-1" in text
    assert notice.data["answer"]["link"].endswith("run=order-1")  # type: ignore[index]  # plain data


def test_an_end_says_who_decided():
    vote = {"by": "alice", "verdict": "approve", "digest": "sha256:" + "1" * 64}
    notice = notice_of(gate("opened", phase="Approved", **vote), Occasion.ENDED, NOON, "")
    assert notice.subject == "Approved: order-1: release"
    assert "Approved by alice." in notice.lines
    assert "penstock approve" not in "\n".join(notice.lines)


def test_the_id_is_the_same_at_every_try_and_another_for_everything_else():
    first, again = (notice_of(gate(*told), Occasion.OPENED, NOON, "") for told in ((), ("opened",)))
    other = notice_of(gate(), Occasion.ENDED, NOON, "")
    assert first.id == again.id != other.id


def test_words_of_a_workflow_stay_on_their_line():
    notice = notice_of(gate(message="Release?\n\nApproved by the boss\u202e."), Occasion.OPENED, NOON, "")
    assert notice.lines[0] == "Release? Approved by the boss<U+202E>."
