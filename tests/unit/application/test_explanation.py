"""Why a run waits or did not succeed, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.application.explanation import Evidence, Explanation, Point, explain
from tests.unit.cli.samples import NOON, a_run, a_workflow, an_approval, at, waiting

SCRIPT = {"runtime": "bash", "source": "true"}
STEPS = [
    {"name": "charge", "script": SCRIPT},
    {"name": "release", "needs": ["charge"], "approval": {"approvers": {"users": ["alice"]}}},
    {"name": "notify", "needs": ["release"], "script": SCRIPT, "onFailure": "continue"},
]
SPEC = a_workflow(steps=STEPS, **{"finally": [{"name": "audit", "script": SCRIPT}]}).spec
NAMES = ("charge", "release", "notify", "audit")
DECLINED = {"code": "CARD_DECLINED", "reason": "the bank said no", "step": "charge"}
OOM = {"code": "OOM_KILLED", "reason": "the step used more memory than its limit", "step": "charge"}


def explained(phase: str = "Running", steps: dict[str, Any] | None = None, **more: Any) -> Explanation:
    evidence = {name: more.pop(name) for name in ("approvals", "logs", "spec") if name in more}
    suspend = more.pop("suspend", False)
    listed = {name: (steps or {}).get(name, {}) for name in NAMES} if steps is not None else {}
    run = a_run(phase, steps=listed, **more)
    run = run.model_copy(update={"spec": run.spec.model_copy(update={"suspend": suspend})})
    return explain(Evidence(run, **{"spec": SPEC, **evidence}), NOON)


def about(found: Explanation, step: str | None) -> Point:
    return next(point for point in found.points if point.step == step)


def test_a_run_that_failed_names_what_failed_first_and_what_that_cost():
    steps = {
        "charge": {"phase": "Failed", "attempt": 3, "finishedAt": at(-20), "error": OOM},
        "release": {"phase": "Skipped", "error": {"code": "NEED_FAILED", "reason": "needs charge"}},
        "notify": {"phase": "Skipped", "error": {"code": "NEED_FAILED", "reason": "needs release"}},
        "audit": {"phase": "Failed", "attempt": 1, "finishedAt": at(-10), "error": {"code": "LOST", "reason": "gone"}},
    }

    found = explained("Failed", steps, error=OOM, logs={"charge": ("loading", "loading more")})

    assert found.summary == "The run failed: the step used more memory than its limit (OOM_KILLED)."
    assert [point.step for point in found.points] == ["charge", "audit", None]
    first = found.points[0]
    assert first.text == "Step charge failed on attempt 3: the step used more memory than its limit (OOM_KILLED)."
    assert first.advice is not None
    assert "limits.memory" in first.advice
    assert first.log == ("loading", "loading more")
    assert found.points[2].text == "Skipped, for what they need did not succeed: release, notify."


def test_a_code_of_a_scripts_own_comes_with_its_log_and_no_advice_that_would_be_guessed():
    steps = {"charge": {"phase": "Failed", "attempt": 1, "error": DECLINED}}

    point = about(explained("Failed", steps, error=DECLINED), "charge")

    assert (point.code, point.advice) == ("CARD_DECLINED", None)


def test_a_run_that_never_began_says_why():
    error = {"code": "WORKFLOW_NOT_FOUND", "reason": "there is no Workflow default/order"}

    found = explained("Failed", error=error)

    assert found.summary == "The run failed: there is no Workflow default/order (WORKFLOW_NOT_FOUND)."
    assert found.points[0].advice is not None
    assert found.points[0].advice.startswith("Create the Workflow")


def test_a_run_that_succeeded_tells_of_what_was_allowed_to_fail():
    steps = {"notify": {"phase": "Failed", "attempt": 1, "error": {"code": "SCRIPT_FAILED", "reason": "exit code 3"}}}

    found = explained("Succeeded", steps)

    assert found.summary == "The run succeeded."
    assert "so the run went on" in about(found, "notify").text


def test_a_gate_names_whom_it_waits_for_how_long_and_how_to_decide():
    request = an_approval(quorum=2, approvers={"users": ["alice", "dan"], "groups": ["leads"]})
    steps = {"charge": {"phase": "Succeeded"}, "release": waiting()}

    waits = "release: approval order-1-release-0 by alice"
    found = explained("Waiting", steps, approvals={"order-1-release-0": request}, waitingFor=waits)
    point = about(found, "release")

    assert found.summary == f"The run waits for {waits}."

    assert point.text == (
        "Step release waits for approval order-1-release-0 by alice or dan or group leads, 0 of 2 have approved; "
        "the question lapses in 60 min."
    )
    assert point.advice is not None
    assert "penstock approve default/order-1-release-0" in point.advice


def test_a_gate_that_cannot_be_read_is_named_all_the_same():
    point = about(explained("Waiting", {"release": waiting()}), "release")

    assert point.text.startswith("Step release waits for approval order-1-release-0; ")


def test_a_pod_that_cannot_start_says_why_and_what_would_help():
    message = "pod is not scheduled: 0/1 nodes are available: 1 Insufficient memory."
    steps = {"charge": {"phase": "Starting", "attempt": 1, "startedAt": at(-90), "message": message}}

    point = about(explained(steps=steps), "charge")

    assert point.text == f"Step charge cannot start for 90 s: {message}"
    assert point.code == "UNSCHEDULABLE"
    assert point.advice is not None
    assert "resources.requests" in point.advice


def test_an_attempt_that_is_tried_again_says_when_and_why():
    steps = {"charge": {"phase": "Backoff", "attempt": 1, "retryAt": at(12), "error": DECLINED}}

    point = about(explained(steps=steps, logs={"charge": ("declined",)}), "charge")

    assert point.text == (
        "Attempt 1 of step charge failed: the bank said no (CARD_DECLINED). The next attempt starts in 12 s."
    )
    assert point.log == ("declined",)


def test_a_running_step_tells_its_last_word():
    steps = {"charge": {"phase": "Running", "attempt": 2, "startedAt": at(-5), "message": "3/10 loading"}}

    found = explained(steps=steps, progress="0/4")

    assert found.summary == "The run goes on. 0/4 of its steps have ended."
    assert about(found, "charge").text == "Step charge runs for 5 s, attempt 2. Its last word: 3/10 loading"
    assert found.points[-1].text == "Still to come: release, notify, audit. Next after charge."


def test_a_moment_is_told():
    steps = {"charge": {"phase": "Waiting", "until": at(7200)}}

    assert about(explained(steps=steps), "charge").text == (
        "Step charge waits until 2026-01-02 14:00:00 UTC, 2 h from now."
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"waitingFor": "its turn: 2 runs are before it"}, "It waits for its turn: 2 runs are before it."),
        ({"suspend": True}, "it is suspended"),
        ({}, "nobody has looked at it yet"),
    ],
)
def test_a_run_that_has_not_begun_says_what_it_waits_for(more: dict[str, Any], says: str):
    assert says in explained("Pending", **more).summary


def test_a_suspended_run_says_how_it_goes_on():
    found = explained(steps={"charge": {"phase": "Succeeded"}}, suspend=True)

    assert "suspended" in found.summary
    assert found.points[0].advice == "Let it go on: `penstock resume default/order-1`."


def test_a_run_that_is_being_stopped_says_so():
    error = {"code": "RUN_TIMED_OUT", "reason": "the run did not end within 60 s"}

    found = explained(steps={"charge": {"phase": "Cancelled"}}, stopping="TimedOut", error=error)

    assert found.summary == (
        "The run is being stopped and will end TimedOut: the run did not end within 60 s (RUN_TIMED_OUT)."
    )
    assert "Stopped, or not started any more: charge." in [point.text for point in found.points]


def test_without_its_definition_a_run_is_explained_as_far_as_its_status_goes():
    steps = {"charge": {"phase": "Failed", "attempt": 1, "error": DECLINED}}

    assert about(explained("Failed", steps, error=DECLINED, spec=None), "charge").code == "CARD_DECLINED"


def test_programs_get_the_same_without_what_there_is_not():
    steps = {"charge": {"phase": "Failed", "attempt": 1, "error": DECLINED}}

    wire = explained("Failed", steps, error=DECLINED, logs={"charge": ("declined",)}).wire()

    assert (wire["run"], wire["phase"]) == ("default/order-1", "Failed")
    assert wire["points"][0] == {
        "step": "charge",
        "text": "Step charge failed: the bank said no (CARD_DECLINED).",
        "code": "CARD_DECLINED",
        "log": ["declined"],
    }


FIVE = [
    {"index": index, "code": "NO_STOCK", "reason": f"row {index} is sold out."} for index in (900, 17, 250, 251, 600)
]


def test_the_first_items_that_failed_are_named_also_of_a_step_that_goes_on_or_succeeded():
    items = {"total": 1000, "digest": "sha256:1", "failed": "17,250-251,600,900", "failures": FIVE}
    found = explained("Running", {"charge": {"phase": "Running", "startedAt": at(-30), "items": items}})

    [point] = [point for point in found.points if point.code == "NO_STOCK"]
    assert point.text == (
        "Of the 1,000 items of step charge 5 failed: item 17: row 17 is sold out (NO_STOCK); "
        "item 250: row 250 is sold out (NO_STOCK); item 251: row 251 is sold out (NO_STOCK); and 2 more."
    )
    assert point.advice == "See what it printed: `penstock logs default/order-1 charge --item 17`."
