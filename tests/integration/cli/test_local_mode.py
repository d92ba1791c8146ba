"""The real command in local mode: real processes, real harness, real SQLite, real terminal."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.integration.cli.person import EXAMPLES, Person, until
from tests.integration.cli.workflows import FIVE_MISTAKES, gated, waiting

ORDER = (str(EXAMPLES / "order-processing.yaml"), "--set", "customer_id=CUST-7")


def name_of_run(text: str) -> str:
    found = re.search(r"Run (default/[a-z0-9-]+)", text)
    assert found is not None, text
    return found[1]


def test_a_one_step_workflow_runs_with_one_command(person: Person):
    done = person.penstock("run", str(EXAMPLES / "hello.yaml"))
    assert (done.returncode, done.stdout) == (0, 'Output\n  "hello"\n'), done.stderr
    assert "local mode" in done.stderr
    assert "greet Succeeded" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_a_small_order_passes_without_a_gate(person: Person):
    done = person.penstock("run", *ORDER, "--set", "order_total=99.99", "-o", "json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["status"], result["output"]["order_id"]) == (0, "success", "ORD-7"), done.stderr
    assert "release Skipped" in done.stderr


def test_a_large_order_is_released_by_approve_and_that_is_said(person: Person):
    done = person.penstock("run", *ORDER, "--set", "order_total=900", "--approve")
    assert done.returncode == 0, done.stderr
    assert "Release order ORD-7 over 500?" in done.stderr
    assert "because of --approve" in done.stderr


def test_a_gate_is_asked_on_the_terminal_and_yes_lets_the_run_go_on(person: Person):
    trace = person.home / "trace"
    terminal = person.at_terminal("run", person.file("gated.yaml", gated()), "--set", f"trace={trace}")
    shown = terminal.expect("Approve?")
    for part in ("Go on after done?", "release", "Digest     sha256:", str(trace)):
        assert part in shown
    assert trace.read_text() == "before\n"
    terminal.type("y\n")
    terminal.expect("Succeeded")
    assert terminal.exit_code() == 0
    assert trace.read_text() == "before\nafter\n"


def test_no_at_the_terminal_ends_the_run_with_its_own_exit_code(person: Person):
    trace = person.home / "trace"
    terminal = person.at_terminal("run", person.file("gated.yaml", gated()), "--set", f"trace={trace}")
    terminal.expect("Approve?")
    terminal.type("n too late in the day\n")
    assert terminal.exit_code() == 5
    assert "REJECTED" in terminal.screen
    assert trace.read_text() == "before\n"


def test_without_a_terminal_the_gate_is_answered_from_another_one(person: Person):
    trace = person.home / "trace"
    running = person.start("run", person.file("gated.yaml", gated()), "--set", f"trace={trace}")
    until(lambda: "Pending" in person.penstock("list", "approvals").stdout, "no approval was asked for")
    [request] = json.loads(person.penstock("list", "approvals", "-o", "json").stdout)["items"]
    answered = person.penstock("approve", request["metadata"]["name"], "--comment", "fine")
    assert answered.returncode == 0, answered.stderr
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (0, 'Output\n  "finished"\n'), err
    assert f"penstock approve default/{request['metadata']['name']}" in err


def test_killed_at_a_gate_the_run_goes_on_where_it_stood(person: Person):
    trace = person.home / "trace"
    running = person.start("run", person.file("gated.yaml", gated()), "--set", f"trace={trace}")
    until(lambda: "Pending" in person.penstock("list", "approvals").stdout, "no approval was asked for")
    running.kill()
    run = name_of_run(running.communicate(timeout=30)[1])
    done = person.penstock("wait", run, "--approve")
    assert (done.returncode, done.stdout) == (0, 'Output\n  "finished"\n'), done.stderr
    assert trace.read_text() == "before\nafter\n"


def test_killed_while_a_step_runs_the_step_is_not_started_again(person: Person):
    trace = person.home / "trace"
    running = person.start("run", person.file("waiting.yaml", waiting()), "--set", f"trace={trace}")
    until(trace.exists, "the step did not start")
    running.kill()
    run = name_of_run(running.communicate(timeout=30)[1])
    Path(f"{trace}.go").touch()
    done = person.penstock("wait", run)
    assert (done.returncode, done.stdout) == (0, 'Output\n  "released"\n'), done.stderr
    assert trace.read_text() == "started\n"


def test_ctrl_c_ends_the_command_while_the_run_goes_on(person: Person):
    trace = person.home / "trace"
    terminal = person.at_terminal("run", person.file("waiting.yaml", waiting()), "--set", f"trace={trace}")
    until(trace.exists, "the step did not start")
    terminal.type("\x03")
    assert terminal.exit_code() == 130
    assert "goes on" in terminal.screen
    run = name_of_run(terminal.screen)
    Path(f"{trace}.go").touch()
    until(lambda: "Succeeded" in person.penstock("get", run).stdout, "the run did not go on by itself")
    assert trace.read_text() == "started\n"


def test_ctrl_c_at_a_question_answers_nothing(person: Person):
    trace = person.home / "trace"
    terminal = person.at_terminal("run", person.file("gated.yaml", gated()), "--set", f"trace={trace}")
    run = name_of_run(terminal.expect("Approve?"))
    terminal.type("\x03")
    assert terminal.exit_code() == 130
    assert "Waiting" in person.penstock("get", run).stdout
    assert "0/1" in person.penstock("list", "approvals").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_a_closed_terminal_does_not_end_the_run(person: Person, number: int):
    trace = person.home / "trace"
    running = person.start("run", person.file("waiting.yaml", waiting()), "--set", f"trace={trace}")
    until(trace.exists, "the step did not start")
    os.kill(running.pid, number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 128 + number
    Path(f"{trace}.go").touch()
    until(lambda: "Succeeded" in person.penstock("get", name_of_run(err)).stdout, "the run did not go on by itself")


def test_a_submitted_run_can_be_followed_looked_at_and_cancelled(person: Person):
    trace = person.home / "trace"
    file = person.file("waiting.yaml", waiting())
    run = person.penstock("submit", file, "--set", f"trace={trace}").stdout.strip()
    until(trace.exists, "the step did not start")
    following = person.start("logs", "-f", run)
    assert "hold" in person.penstock("get", run).stdout
    assert run.removeprefix("default/") in person.penstock("list").stdout
    assert person.penstock("cancel", run).returncode == 0
    assert person.penstock("wait", run).returncode == 3
    out, err = following.communicate(timeout=30)
    assert (following.returncode, out) == (0, "[hold] started\n"), err


def test_every_mistake_of_a_file_is_told_at_once(person: Person):
    file = person.file("bad.yaml", FIVE_MISTAKES)
    done = person.penstock("validate", file)
    assert done.returncode == 2
    lines = [line.split(":")[1] for line in done.stdout.splitlines() if line.startswith(file)]
    assert lines == ["12", "15", "16", "20", "22"], done.stdout
    assert done.stdout.count("write instead:") == 5
    refused = person.penstock("run", file, "--set", "total=1")
    assert refused.returncode == 2
    assert "No runs found" in person.penstock("list").stderr


def test_all_examples_are_valid(person: Person):
    done = person.penstock("validate", *map(str, sorted(EXAMPLES.glob("*.yaml"))))
    assert done.returncode == 0, done.stdout


def test_wrong_input_is_refused_before_anything_is_created(person: Person):
    for arguments in (("order_total=1", "custmer_id=CUST-1"), ("order_total=many",), ("order_total=-1",)):
        sets = [part for pair in arguments for part in ("--set", pair)]
        done = person.penstock("run", *ORDER, *sets)
        assert done.returncode == 2, done.stderr
    assert "No runs found" in person.penstock("list").stderr


NESTED = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: inner}
spec:
  inputs: {type: object, properties: {n: {type: integer, default: 0}}}
  steps:
    - {name: sure, approval: {approvers: {users: [x]}, message: "Go on with {{ context.n }}?"}}
    - {name: done, needs: [sure], script: {runtime: bash, source: "echo done"}}
---
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: middle}
spec:
  steps:
    - {name: deep, workflow: {name: inner, context: {n: 7}}}
---
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: outer}
spec:
  steps:
    - {name: below, workflow: {name: middle}}
    - name: each
      needs: [below]
      forEach: "[1, 2, 3]"
      workflow: {name: inner, context: {n: "{{ item }}"}}
"""


def test_approve_answers_the_gates_of_the_runs_of_steps_too(person: Person):
    file = person.file("nested.yaml", NESTED)

    done = person.penstock("--local", "run", file, "--workflow", "outer", "--approve", seconds=90)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [number for number in (7, 1, 2, 3) if f"Go on with {number}?" not in done.stderr] == []
    assert done.stderr.count("because of --approve") == 4
