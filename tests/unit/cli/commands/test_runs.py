"""run, submit, wait, cancel, suspend, resume, retry."""

from __future__ import annotations

import json
import os
import signal

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.errors import NotFound
from penstock.ports.access import Key
from tests.unit.cli.samples import a_run, a_workflow, an_approval, at, waiting
from tests.unit.cli.stage import Stage, World, with_status

FILE = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata:
  name: order
spec:
  inputs:
    type: object
    required: [total]
    properties:
      total: {type: number}
      name: {type: string}
  steps:
    - name: charge
      script: {runtime: bash, source: "true"}
"""
KEY = Key("default", "order-1a2b3c4d")


@pytest.fixture
def order(tmp_path):
    path = tmp_path / "order.yaml"
    path.write_text(FILE, encoding="utf-8")
    return str(path)


def succeeds(run: WorkflowRun) -> list[WorkflowRun]:
    running = {"charge": {"phase": "Running", "attempt": 1, "startedAt": at(-2)}}
    done = {"charge": {**running["charge"], "phase": "Succeeded", "finishedAt": at(-1)}}
    return [
        run,
        with_status(run, phase="Running", steps=running),
        with_status(run, phase="Succeeded", steps=done, output={"id": 7}),
    ]


def ends(phase: str, code: str | None = None):
    error = {"error": {"code": code, "reason": "because", "step": "charge"}} if code else {}
    return lambda run: [run, with_status(run, phase=phase, **error)]


def test_a_file_is_run_to_its_end_with_steps_and_result(order):
    world = World(script=succeeds)
    assert world.penstock("run", order, "--set", "total=99.5") == 0
    assert world.runs.items[KEY].spec.context == {"total": 99.5}
    lines = world.terminal.said.splitlines()
    assert lines == [
        f"Run {KEY}",
        "charge Running",
        "charge Succeeded after 1.00s",
        f"Run {KEY} Succeeded",
    ]
    assert world.terminal.printed == "Output\n  id: 7\n"


def test_the_name_comes_first_so_that_a_killed_command_can_be_taken_up_again(order):
    world = World(script=succeeds)
    world.penstock("run", order, "--set", "total=1")
    assert world.terminal.said.startswith(f"Run {KEY}\n")


def test_the_result_for_programs_is_on_standard_output_alone(order):
    world = World(script=succeeds)
    world.penstock("run", order, "--set", "total=1", "-o", "json")
    assert json.loads(world.terminal.printed) == {"status": "success", "output": {"id": 7}, "run": str(KEY)}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (ends("Failed", "SCRIPT_FAILED"), 1),
        (ends("Cancelled", "CANCELLED"), 3),
        (ends("TimedOut", "RUN_TIMED_OUT"), 4),
        (ends("Failed", "REJECTED"), 5),
    ],
)
def test_the_exit_code_says_how_it_ended(order, script, code):
    world = World(script=script)
    assert world.penstock("run", order, "--set", "total=1") == code
    assert "because" in world.terminal.printed


def test_in_local_mode_this_very_process_drives(order):
    world = World(script=succeeds)
    world.penstock("run", order, "--set", "total=1")
    assert world.driving == [True]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "totl=1"), "--set total=..."),
        (("--set", "total=much"), "context.total: `much` is not a number"),
        ((), "total"),
        (("--context", '{"total": "1"}'), "total"),
    ],
    ids=["unknown field", "wrong type on the command line", "missing", "wrong type in a document"],
)
def test_wrong_input_is_refused_before_anything_is_created(order, arguments, says):
    world = World()
    assert world.penstock("run", order, *arguments) == 2
    assert says in world.terminal.said
    assert not world.runs.items


def test_a_file_with_mistakes_is_refused_with_all_of_them(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(FILE.replace("bash", "bsh").replace("steps:", "stepz:\n  steps:"), encoding="utf-8")
    world = World()
    assert world.penstock("run", str(path), "--set", "total=1") == 2
    assert "stepz" in world.terminal.said
    assert "bsh" in world.terminal.said
    assert not world.workflows.items
    assert not world.runs.items


def test_set_goes_over_context(order, tmp_path):
    inputs = tmp_path / "inputs.json"
    inputs.write_text('{"total": 1, "name": "a"}', encoding="utf-8")
    world = World(script=succeeds)
    world.penstock("run", order, "--context", str(inputs), "--set", "name=b")
    assert world.runs.items[KEY].spec.context == {"total": 1, "name": "b"}


def test_context_can_come_from_standard_input(order):
    world = World(terminal=Stage(stdin="total: 3\n"), script=succeeds)
    world.penstock("run", order, "--context", "-")
    assert world.runs.items[KEY].spec.context == {"total": 3}


def test_a_file_that_is_not_there_is_wrong_input(tmp_path):
    world = World()
    assert world.penstock("run", str(tmp_path / "none.yaml")) == 2
    assert "No such file" in world.terminal.said


def test_a_stored_workflow_is_run_by_its_name():
    world = World(script=succeeds)
    world.workflows.put(a_workflow("order"))
    assert world.penstock("run", "order") == 0


def test_on_a_cluster_a_file_is_not_stored_unless_that_is_asked_for(order):
    world = World(local=False, script=succeeds)
    assert world.penstock("run", order, "--set", "total=1") == 1
    assert "--apply" in world.terminal.said
    assert not world.workflows.items
    assert world.penstock("run", order, "--set", "total=1", "--apply") == 0


def test_on_a_cluster_the_file_must_say_what_is_stored(order):
    world = World(local=False, script=succeeds)
    world.workflows.put(a_workflow("order", description="another"))
    assert world.penstock("run", order, "--set", "total=1") == 1
    assert "is not what" in world.terminal.said
    assert not world.runs.items


def test_a_gate_is_asked_in_place(order):
    def at_gate(run: WorkflowRun) -> list[WorkflowRun]:
        return [with_status(run, phase="Waiting", steps={"release": waiting("order-1-release-0")})]

    world = World(terminal=Stage(tty=True), script=at_gate)
    world.approvals.put(an_approval("order-1-release-0"))
    world.approvals.decided = lambda _: world.runs.put(with_status(world.runs.items[KEY], phase="Succeeded"))
    world.terminal.typed.put_nowait("y")
    assert world.penstock("run", order, "--set", "total=1") == 0
    assert "Release it?" in world.terminal.said
    assert "Approved order-1-release-0" in world.terminal.said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["^C", "TERM", "HUP"]
)
def test_a_signal_ends_the_command_and_not_the_run(order, number, code):
    def interrupted(run: WorkflowRun) -> list[WorkflowRun]:
        os.kill(os.getpid(), number)
        return [run]

    world = World(script=interrupted)
    assert world.penstock("run", order, "--set", "total=1") == code
    for part in (f"Run {KEY} goes on", f"penstock wait {KEY}", f"penstock cancel {KEY}"):
        assert part in world.terminal.said
    assert not world.runs.cancelled


def test_submit_returns_at_once_with_the_name(order):
    world = World()
    assert world.penstock("submit", order, "--set", "total=1") == 0
    assert world.terminal.printed == f"{KEY}\n"
    assert world.driving == [False]


def test_wait_takes_a_run_up_again():
    world = World(script=lambda run: [with_status(run, phase="Succeeded", output=1)])
    world.runs.put(a_run())
    assert world.penstock("wait", "order-1") == 0
    assert world.terminal.printed == "Output\n  1\n"


def test_cancel_asks_for_it():
    world = World()
    world.runs.put(a_run())
    assert world.penstock("cancel", "default/order-1") == 0
    assert world.runs.cancelled == [Key("default", "order-1")]


def test_a_run_is_held_and_let_go_on():
    world = World()
    world.runs.put(a_run())
    assert world.penstock("suspend", "order-1") == 0
    assert "penstock resume" in world.terminal.said
    assert world.penstock("resume", "order-1") == 0
    key = Key("default", "order-1")
    assert world.runs.suspensions == [(key, True), (key, False)]


def test_a_failed_run_is_retried_by_a_new_one_whose_name_is_printed():
    world = World()
    world.runs.put(with_status(a_run(), phase="Failed"))
    assert world.penstock("retry", "order-1") == 0
    name = world.terminal.printed.strip()
    assert world.runs.items[Key(*name.split("/"))].spec.retry_of == "order-1"


def test_a_run_that_succeeded_is_not_retried():
    world = World()
    world.runs.put(with_status(a_run(), phase="Succeeded"))
    assert world.penstock("retry", "order-1") == 1
    assert "nothing to retry" in world.terminal.said


@pytest.mark.parametrize("command", ["cancel", "suspend", "resume"])
def test_a_run_that_has_ended_is_not_said_to_change_any_more(command):
    world = World()
    world.runs.put(with_status(a_run(), phase="Succeeded"))
    assert world.penstock(command, "order-1") == 1
    assert "run default/order-1 is Succeeded already" in world.terminal.said


def test_what_can_be_no_namespace_is_refused():
    world = World()
    assert world.penstock("-n", "BAD NS", "cancel", "order-1") == 2
    assert "`BAD NS` is not the name of a namespace" in world.terminal.said


@pytest.mark.parametrize("command", ["wait", "cancel", "suspend", "resume", "retry"])
def test_a_run_that_is_not_there_is_said_to_be_missing(command):
    world = World()
    assert world.penstock(command, "nobody") == 1
    assert str(NotFound("there is no default/nobody")) in world.terminal.said
