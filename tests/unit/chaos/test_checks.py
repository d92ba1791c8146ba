"""The checker of histories: a good one passes, and each breach is found by the check that is there for it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.checks import CHECKS, violations
from tests.chaos.history import Change, History, Program, Vote

SUBJECT = json.dumps(
    {"context": {"total": 7}, "program": {"source": "echo ship"}, "steps": {"pack": {"phase": "Succeeded"}}},
    separators=(",", ":"),
    sort_keys=True,
)
DIGEST = "sha256:" + hashlib.sha256(b"penstock-approval/v1\n" + SUBJECT.encode()).hexdigest()
ATTEMPT = "sha256:attempt"
DOCUMENT = {"context": {"total": 7}, "source": "echo ship", "steps": {"pack": {"phase": "Succeeded"}}}


def meta(name: str, owner: str = "", **more: Any) -> dict[str, Any]:
    owned = {"ownerReferences": [{"uid": owner, "controller": True}], "labels": {"penstock.dev/run": "run"}}
    return {"name": name, "uid": f"uid-{name}", **(owned if owner else {}), **more}


def notes(**more: str) -> dict[str, str]:
    return {
        "penstock.dev/step": "ship",
        "penstock.dev/attempt": "1",
        "penstock.dev/digest": ATTEMPT,
        "penstock.dev/document": json.dumps(DOCUMENT),
        **more,
    }


class Book:
    """A history in the making: one run with one gated step, as it should go."""

    def __init__(self) -> None:
        self.history = History()
        self.objects: dict[str, dict[str, Any]] = {}

    def write(self, plural: str, found: dict[str, Any], at: float = 1.0) -> None:
        name = found["metadata"]["name"]
        kind = "MODIFIED" if name in self.objects else "ADDED"
        self.objects[name] = copy.deepcopy(found)
        self.history.changes.append(Change(at, "operator", kind, plural, copy.deepcopy(found)))

    def change(self, plural: str, name: str, change: Callable[[dict[str, Any]], None], at: float = 1.0) -> None:
        found = copy.deepcopy(self.objects[name])
        change(found)
        self.write(plural, found, at)

    def delete(self, plural: str, name: str) -> None:
        gone = self.objects.pop(name)
        self.history.changes.append(Change(9.0, "people", "DELETED", plural, gone))

    def ask(self) -> None:
        steps = [{"name": "pack"}, {"name": "ship", "needs": ["pack"], "requiresApproval": {}}]
        spec = {"inline": {"steps": steps}, "requestedBy": {"user": "bob"}}
        self.write("workflowruns", {"metadata": meta("run"), "spec": spec, "status": {"phase": "Running"}})

    def gate(self) -> None:
        request = {
            "run": {"name": "run", "uid": "uid-run"},
            "step": "ship",
            "digest": DIGEST,
            "subject": SUBJECT,
            "requestedBy": {"user": "bob"},
            "approvers": {"users": ["alice", "dan", "bob"]},
            "quorum": 1,
            "expiresAt": "2026-01-02T12:02:00Z",
        }
        self.write("approvalrequests", {"metadata": meta("gate", "uid-run"), "spec": {"request": request}})

    def vote(self, by: str = "alice", verdict: str = "approve", digest: str = DIGEST, at: float = 1.0) -> None:
        vote = {"by": by, "verdict": verdict, "digest": digest}
        self.change("approvalrequests", "gate", lambda gate: gate["spec"].setdefault("decisions", []).append(vote), at)
        self.history.votes.append(Vote("uid-gate", by, verdict))

    def status(self, **step: Any) -> None:
        self.change("workflowruns", "run", lambda run: run["status"].update(steps={"ship": {"attempt": 1, **step}}))

    def write_down(self) -> None:
        self.status(phase="Starting", digest=ATTEMPT)

    def job(self, name: str = "job", **more: str) -> None:
        template = {"metadata": {"annotations": notes(**more)}}
        metadata = meta(name, "uid-run", annotations=notes(**more))
        found = {"metadata": metadata, "spec": {"template": template}}
        annotations = template["metadata"]["annotations"]
        found["metadata"]["annotations"] = annotations
        self.write("jobs", found)

    def pod(self, name: str = "pod", job: str = "uid-job") -> None:
        self.write("pods", {"metadata": meta(name, job, annotations=notes()), "status": {"phase": "Running"}})

    def settle(self) -> None:
        self.history.programs.append(Program("uid-job", recorded=True, output=3))
        gate = {"name": "gate", "outcome": "Approved", "decidedBy": ["alice"]}
        self.status(phase="Succeeded", digest=ATTEMPT, uid="uid-job", output=3, gate=gate)
        self.change("approvalrequests", "gate", lambda gate: gate.update(status={"phase": "Approved"}))
        if "pod" in self.objects:
            self.change("pods", "pod", lambda pod: pod.update(status={"phase": "Succeeded"}))
        self.close("Complete")
        self.change("workflowruns", "run", lambda run: run["status"].update(phase="Succeeded", output=3))

    def close(self, *ends: str) -> None:
        conditions = [{"type": end, "status": "True"} for end in ends]
        self.change("jobs", "job", lambda job: job.update(status={"conditions": conditions}))

    def clean_up(self) -> None:
        for plural, name in (("workflowruns", "run"), ("jobs", "job"), ("pods", "pod"), ("approvalrequests", "gate")):
            self.delete(plural, name)

    def good(self, upto: str = "settle") -> Book:
        for part in ("ask", "gate", "vote", "write_down", "job", "pod", "settle"):
            getattr(self, part)()
            if part == upto:
                break
        return self


def test_a_good_history_passes():
    book = Book().good()
    assert violations(book.history) == []
    book.clean_up()
    assert violations(book.history) == []


def second_job(book: Book) -> None:
    book.good("pod")
    book.job("other")


def second_child(book: Book) -> None:
    book.good("write_down")
    parent = {"uid": "uid-run", "step": "ship", "attempt": 1, "digest": ATTEMPT, "run": "run"}
    for name in ("child-1", "child-2"):
        book.write("workflowruns", {"metadata": meta(name, "uid-run"), "spec": {"inline": {}, "parent": parent}})


def two_pods(book: Book) -> None:
    book.good("pod")
    book.pod("pod-2")


def pod_after_the_status_knew(book: Book) -> None:
    book.good("pod")
    book.status(phase="Running", digest=ATTEMPT, uid="uid-job")
    book.delete("pods", "pod")
    book.pod("pod-2")


def pod_after_the_job_was_closed(book: Book) -> None:
    book.good("pod")
    book.delete("pods", "pod")
    book.close("Failed")
    book.pod("pod-2")


def not_written_down(book: Book) -> None:
    book.good("vote")
    book.job()


def written_down_differently(book: Book) -> None:
    book.good("vote")
    book.status(phase="Starting", digest="sha256:something-else")
    book.job()


def not_approved(book: Book) -> None:
    book.good("gate")
    book.write_down()
    book.job()


def approved_afterwards(book: Book) -> None:
    not_approved(book)
    book.vote()


def approved_by(book: Book, by: str = "alice", **vote: Any) -> None:
    book.good("gate")
    book.vote(by, **vote)
    book.write_down()
    book.job()


def not_enough(book: Book) -> None:
    book.good("gate")
    book.change("approvalrequests", "gate", lambda gate: gate["spec"]["request"].update(quorum=2))
    book.vote()
    book.write_down()
    book.job()


def other_text_shown(book: Book) -> None:
    book.good("gate")
    book.change("approvalrequests", "gate", lambda gate: gate["spec"]["request"].update(subject="{}"))
    book.vote()
    book.write_down()
    book.job()


def other_program_started(book: Book) -> None:
    book.good("write_down")
    book.job(**{"penstock.dev/document": json.dumps({**DOCUMENT, "source": "rm -rf /"})})


def other_context_started(book: Book) -> None:
    book.good("write_down")
    book.job(**{"penstock.dev/document": json.dumps({**DOCUMENT, "context": {"total": 8}})})


def gate_step_before_it(book: Book) -> None:
    steps = [{"name": "gate", "approval": {}}, {"name": "pack", "needs": ["gate"]}, {"name": "ship", "needs": ["pack"]}]
    run = {"metadata": meta("run"), "spec": {"inline": {"steps": steps}}, "status": {"phase": "Running"}}
    book.write("workflowruns", run)
    book.write_down()
    book.job()


def vote_lost(book: Book) -> None:
    book.good("vote")
    book.change("approvalrequests", "gate", lambda gate: gate["spec"].update(decisions=[]))


def vote_never_kept(book: Book) -> None:
    book.good("gate")
    book.history.votes.append(Vote("uid-gate", "alice", "approve"))


def vote_changed(book: Book) -> None:
    book.good("vote")
    book.change("approvalrequests", "gate", lambda gate: gate["spec"]["decisions"][0].update(verdict="reject"))


def vote_doubled(book: Book) -> None:
    book.good("vote")
    book.vote()


def question_changed(book: Book) -> None:
    book.good("vote")
    book.change("approvalrequests", "gate", lambda gate: gate["spec"]["request"].update(quorum=5))


def decided_by_somebody_else(book: Book) -> None:
    book.good("pod")
    book.status(phase="Running", digest=ATTEMPT, gate={"name": "gate", "outcome": "Approved", "decidedBy": ["dan"]})


def told_differently(book: Book) -> None:
    book.good("pod")
    gate = {"name": "gate", "outcome": "Approved", "decidedBy": ["alice"]}
    book.status(phase="Running", digest=ATTEMPT, gate=gate)
    book.change("approvalrequests", "gate", lambda gate: gate.update(status={"phase": "Expired"}))


def result(book: Book, program: Program, **step: Any) -> None:
    book.good("pod")
    book.history.programs.append(program)
    book.status(digest=ATTEMPT, uid="uid-job", **step)


def result_of_another(book: Book) -> None:
    result(book, Program("uid-job", recorded=True, output=3), phase="Succeeded", output=4)


def failure_forgotten(book: Book) -> None:
    result(book, Program("uid-job", recorded=True, code="OUT_OF_STOCK"), phase="Succeeded")


def result_lost(book: Book) -> None:
    result(book, Program("uid-job", recorded=True, output=3), phase="Failed", error={"code": "LOST"})


def run_goes_on_after_its_end(book: Book) -> None:
    book.good()
    book.change("workflowruns", "run", lambda run: run["status"].update(phase="Failed"))


def output_changes_after_the_end(book: Book) -> None:
    book.good()
    book.change("workflowruns", "run", lambda run: run["status"].update(output=4))


def step_goes_on_after_its_end(book: Book) -> None:
    book.good()
    book.status(phase="Starting", digest=ATTEMPT)


def attempt_counted_back(book: Book) -> None:
    book.good("pod")
    book.status(phase="Backoff", attempt=2)
    book.status(phase="Starting", attempt=1)


def request_goes_on_after_its_end(book: Book) -> None:
    book.good()
    book.change("approvalrequests", "gate", lambda gate: gate.update(status={"phase": "Rejected"}))


def job_ends_twice(book: Book) -> None:
    book.good()
    book.close("Complete", "Failed")


def never_ends(book: Book) -> None:
    book.good("pod")


def job_left_open(book: Book) -> None:
    book.good()
    book.write("jobs", {"metadata": meta("open", "uid-run"), "spec": {}})


def pod_left_behind(book: Book) -> None:
    book.good()
    book.delete("workflowruns", "run")


def pod_without_owner(book: Book) -> None:
    book.good()
    stray = {"name": "stray", "uid": "uid-stray", "labels": {"penstock.dev/run": "run"}}
    book.write("configmaps", {"metadata": stray})


def finalizer_left(book: Book) -> None:
    book.good()
    book.write("configmaps", {"metadata": meta("kept", "uid-run", finalizers=["penstock.dev/wait"])})


@pytest.mark.parametrize(
    ("rule", "breach"),
    [
        ("one_job_an_attempt", second_job),
        ("one_job_an_attempt", second_child),
        ("one_pod_a_job", two_pods),
        ("one_pod_a_job", pod_after_the_status_knew),
        ("one_pod_a_job", pod_after_the_job_was_closed),
        ("written_before_it_started", not_written_down),
        ("written_before_it_started", written_down_differently),
        ("gated_starts_are_approved", not_approved),
        ("gated_starts_are_approved", approved_afterwards),
        ("gated_starts_are_approved", lambda book: approved_by(book, "mallory")),
        ("gated_starts_are_approved", lambda book: approved_by(book, "bob")),
        ("gated_starts_are_approved", lambda book: approved_by(book, verdict="reject")),
        ("gated_starts_are_approved", lambda book: approved_by(book, digest="sha256:other")),
        ("gated_starts_are_approved", lambda book: approved_by(book, at=121.0)),
        ("gated_starts_are_approved", not_enough),
        ("gated_starts_are_approved", other_text_shown),
        ("gated_starts_are_approved", other_program_started),
        ("gated_starts_are_approved", other_context_started),
        ("gated_starts_are_approved", gate_step_before_it),
        ("votes_are_kept", vote_lost),
        ("votes_are_kept", vote_never_kept),
        ("votes_are_kept", vote_changed),
        ("votes_are_kept", vote_doubled),
        ("votes_are_kept", question_changed),
        ("gates_end_as_the_votes_say", decided_by_somebody_else),
        ("gates_end_as_the_votes_say", told_differently),
        ("results_are_kept", result_of_another),
        ("results_are_kept", failure_forgotten),
        ("results_are_kept", result_lost),
        ("ends_are_final", run_goes_on_after_its_end),
        ("ends_are_final", output_changes_after_the_end),
        ("ends_are_final", step_goes_on_after_its_end),
        ("ends_are_final", attempt_counted_back),
        ("ends_are_final", request_goes_on_after_its_end),
        ("ends_are_final", job_ends_twice),
        ("runs_end", never_ends),
        ("runs_end", job_left_open),
        ("nothing_leaks", pod_left_behind),
        ("nothing_leaks", pod_without_owner),
        ("nothing_leaks", finalizer_left),
    ],
)
def test_a_breach_is_found(rule: str, breach: Callable[[Book], None]):
    book = Book()
    breach(book)
    assert rule in {found for found, _ in violations(book.history)}


def test_a_pod_that_was_lost_before_anybody_wrote_down_its_job_is_made_once_more():
    book = Book().good("pod")
    book.delete("pods", "pod")
    book.pod("pod-2")
    assert list(CHECKS["one_pod_a_job"](book.history)) == []
