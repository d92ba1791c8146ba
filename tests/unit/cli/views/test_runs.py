"""A run and its steps in lines."""

from __future__ import annotations

from penstock.application.kept_outputs import ShownRun
from penstock.cli.views.runs import change_line, ending_lines, run_lines, step_lines, step_rows
from tests.unit.cli.samples import NOON, a_run, a_workflow, at, waiting

STEPS = [
    {"name": "charge", "script": {"runtime": "bash", "source": "true"}},
    {"name": "release", "needs": ["charge"], "approval": {"approvers": {"users": ["alice"]}}},
    {"name": "notify", "needs": ["release"], "script": {"runtime": "bash", "source": "true"}},
]
SPEC = a_workflow(steps=STEPS, **{"finally": [{"name": "audit", "script": {"runtime": "bash", "source": "true"}}]}).spec


def row(name, status):
    [found] = [row for row in step_rows(a_run(steps={name: status}), SPEC, NOON) if row.name == name]
    return found


def test_steps_stand_in_the_order_of_the_workflow_whatever_the_status_says():
    run = a_run(steps={name: {} for name in ("audit", "notify", "charge", "release")})
    assert [row.name for row in step_rows(run, SPEC, NOON)] == ["charge", "release", "notify", "audit"]


def test_without_the_workflow_steps_stand_in_the_order_of_their_start():
    run = a_run(steps={"later": {}, "b": {"startedAt": at(-1)}, "a": {"startedAt": at(-2)}})
    assert [row.name for row in step_rows(run, None, NOON)] == ["a", "b", "later"]


def test_steps_that_have_not_begun_are_listed_with_what_they_wait_for():
    assert [row.note for row in step_rows(a_run(), SPEC, NOON)][1:3] == ["after charge", "after release"]


def test_a_finished_step_says_how_long_it_took():
    assert row("charge", {"phase": "Succeeded", "startedAt": at(-2), "finishedAt": at(-1.5)}).took == "0.50s"


def test_a_running_step_counts_up_to_now():
    assert row("charge", {"phase": "Running", "startedAt": at(-75)}).took == "1m15s"


def test_a_failed_step_says_why():
    error = {"code": "SCRIPT_FAILED", "reason": "exit code 3"}
    assert row("charge", {"phase": "Failed", "error": error}).note == "SCRIPT_FAILED: exit code 3"


def test_a_step_that_backs_off_says_when_it_is_tried_again():
    error = {"code": "SCRIPT_FAILED", "reason": "exit code 3"}
    note = row("charge", {"phase": "Backoff", "attempt": 1, "retryAt": at(4), "error": error}).note
    assert note == "attempt 1 failed: SCRIPT_FAILED: exit code 3; again in 4s"


def test_a_waiting_step_names_its_approval():
    assert row("release", waiting("order-1-release-0")).note == "for approval order-1-release-0"


def test_a_passed_gate_says_who_opened_it():
    gate = {**waiting()["gate"], "outcome": "Approved", "decidedBy": ["alice"]}
    assert row("release", {"phase": "Succeeded", "gate": gate}).note == "approved by alice"


def test_a_skipped_step_tells_its_own_condition_from_a_failed_need():
    assert row("notify", {"phase": "Skipped"}).note == "its `when` is false"
    error = {"code": "NEED_FAILED", "reason": "needs charge, which did not succeed"}
    assert "needs charge" in row("notify", {"phase": "Skipped", "error": error}).note


def test_lines_line_up_and_work_in_plain_ascii():
    lines = step_lines(step_rows(a_run(steps={"charge": {"phase": "Running"}}), SPEC, NOON), ascii_only=True)
    assert all(line.isascii() for line in lines)
    assert (
        len({line.index(word) for line, word in zip(lines, ("Running", "Pending", "Pending", "Pending"), strict=True)})
        == 1
    )


def test_a_step_cannot_write_control_characters_through_its_progress_message():
    assert "\x1b" not in row("charge", {"phase": "Running", "message": "\x1b[2J done"}).note


def test_a_change_is_one_line_with_the_time_it_took():
    status = {"phase": "Succeeded", "startedAt": at(-2), "finishedAt": at(-1)}
    assert change_line(row("charge", status)) == "charge Succeeded after 1.00s"


def test_the_output_of_a_finished_run_is_shown_whole():
    assert list(ending_lines(ShownRun(a_run("Succeeded", output={"id": 7})))) == ["Output", "  id: 7"]


def test_an_output_that_cannot_be_read_is_said_to_be_there():
    shown = ShownRun(a_run("Succeeded"), "The output cannot be read: it is gone")
    assert list(ending_lines(shown)) == ["The output cannot be read: it is gone"]


def test_a_run_that_goes_on_has_no_ending():
    assert list(ending_lines(ShownRun(a_run("Running")))) == []


def test_the_error_of_a_failed_run_names_step_and_reason():
    run = a_run("Failed", error={"code": "SCRIPT_FAILED", "reason": "exit code 3", "step": "charge"})
    assert list(ending_lines(ShownRun(run))) == [
        "Error      SCRIPT_FAILED in step charge: exit code 3",
        "Next       Read its log: `penstock logs RUN STEP`.",
    ]


def test_a_run_that_failed_with_a_code_of_its_script_leads_on_to_the_explanation():
    run = a_run("Failed", error={"code": "CARD_DECLINED", "reason": "no", "step": "charge"})
    assert list(ending_lines(ShownRun(run)))[-1] == "Next       penstock explain default/order-1"


def test_a_run_shows_whose_it_is_its_context_and_its_steps():
    lines = "\n".join(run_lines(ShownRun(a_run("Waiting", waitingFor="approval x", progress="1/4")), SPEC, NOON))
    for part in ("default/order-1", "Workflow   order", "Waiting  1/4", "approval x", "bob", "1m ago", "charge"):
        assert part in lines


def test_a_fanned_out_step_says_how_many_items_came_out_well():
    items = {"total": 50, "digest": "sha256:00", "progress": "50/50", "succeeded": "0-44", "failed": "45-49"}
    assert row("charge", {"phase": "Succeeded", "items": items}).note == "50/50 items, 5 failed: 45-49"
    assert row("charge", {"phase": "Running", "message": "12/50 items"}).note == "12/50 items"


def test_a_step_that_took_an_earlier_output_says_so_and_from_where():
    cached = {"run": "order-0", "finishedAt": at(-75)}
    found = row("charge", {"phase": "Succeeded", "cached": cached, "finishedAt": at(-1)})
    assert change_line(found) == "charge Cached: from run order-0, 1m15s ago"
    assert step_lines((found,), ascii_only=True) == ("+ charge  Cached             from run order-0, 1m15s ago",)


def test_a_run_says_how_many_steps_took_an_earlier_output():
    run = a_run(phase="Succeeded", progress="2/2", cached=1)
    assert "Phase      Succeeded  2/2  1 Cached" in list(run_lines(ShownRun(run), None, NOON))
