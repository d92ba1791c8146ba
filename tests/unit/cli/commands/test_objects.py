"""get, list, logs."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.unit.cli.samples import a_run, a_workflow, an_approval
from tests.unit.cli.stage import Stage, World


@pytest.fixture
def world():
    world = World()
    world.runs.put(a_run(steps={"charge": {"phase": "Succeeded", "attempt": 1}}))
    world.workflows.put(a_workflow())
    world.approvals.put(an_approval())
    return world


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("order-1",), "Run        default/order-1"),
        (("run", "order-1"), "Run        default/order-1"),
        (("pwr", "default/order-1"), "Run        default/order-1"),
        (("workflows", "order"), "Workflow   default/order"),
        (("approval", "order-1-release-0"), "Approval   default/order-1-release-0"),
    ],
)
def test_one_object_is_shown_by_kind_and_name(world, arguments, says):
    assert world.penstock("get", *arguments) == 0
    assert world.terminal.printed.splitlines()[0] == says


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_an_object_for_programs_has_all_its_fields(world, output, read):
    world.penstock("get", "order-1", "-o", output)
    shown = read(world.terminal.printed)
    assert (shown["kind"], shown["metadata"]["name"], shown["status"]["phase"]) == ("WorkflowRun", "order-1", "Running")


def test_what_is_unknown_is_refused_with_what_to_write(world):
    assert world.penstock("get", "banana", "x") == 2
    assert "Write runs, workflows, approvals or connections." in world.terminal.said


@pytest.mark.parametrize("name", ["a/b/c", "/a", "a/"])
def test_a_name_that_is_none_is_refused(world, name):
    assert world.penstock("get", "run", name) == 2
    assert "NAMESPACE/NAME" in world.terminal.said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "order-1 "), (("runs",), "order-1 "), (("workflows",), "order "), (("approvals",), "order-1-release-0 ")],
)
def test_lists_have_headers_and_rows(world, arguments, says):
    assert world.penstock("list", *arguments) == 0
    header, row = world.terminal.printed.splitlines()
    assert header.startswith("NAME ")
    assert row.startswith(says)


def test_a_list_is_of_one_namespace_unless_all_are_asked_for(world):
    world.penstock("list", "-n", "sales")
    assert world.terminal.printed == ""
    assert "No runs found." in world.terminal.said
    world.penstock("list", "-A")
    assert "default" in world.terminal.printed


def test_a_list_for_programs_is_a_list_even_when_it_is_empty(world):
    world.penstock("list", "-n", "sales", "-o", "json")
    assert json.loads(world.terminal.printed) == {"apiVersion": "v1", "kind": "List", "items": []}


def test_the_log_of_one_step_has_no_prefix(world):
    world.logs.texts = {"charge": [b"one\ntw", b"o\nend"]}
    assert world.penstock("logs", "order-1", "charge") == 0
    assert world.terminal.printed == "one\ntwo\nend\n"


def test_the_logs_of_all_steps_name_the_step(world):
    world.logs.texts = {"charge": ["grö".encode()[:3], "grö".encode()[3:] + b"\n"]}
    world.penstock("logs", "order-1")
    assert world.terminal.printed == "[charge] grö\n"


def test_a_terminal_is_not_driven_by_a_log():
    world = World(terminal=Stage(tty=True))
    world.runs.put(a_run(steps={"charge": {"phase": "Succeeded", "attempt": 1}}))
    world.logs.texts = {"charge": [b"\x1b[2Jgone\xff\n"]}
    world.penstock("logs", "order-1", "charge")
    assert world.terminal.printed == "<U+001B>[2Jgone\ufffd\n"


def test_following_all_steps_ends_with_the_run():
    def lives(run):
        return [
            a_run(steps={"charge": {"phase": "Starting", "attempt": 1}}),
            a_run(steps={"charge": {"phase": "Running", "attempt": 1}}),
            a_run(steps={"charge": {"phase": "Succeeded", "attempt": 1}, "notify": {"phase": "Running", "attempt": 1}}),
            a_run(
                "Succeeded",
                steps={"charge": {"phase": "Succeeded", "attempt": 1}, "notify": {"phase": "Succeeded", "attempt": 1}},
            ),
        ]

    world = World(script=lives)
    world.runs.put(a_run())
    world.logs.texts = {"charge": [b"a\n"], "notify": [b"b\n"]}
    assert world.penstock("logs", "-f", "order-1") == 0
    assert sorted(world.terminal.printed.splitlines()) == ["[charge] a", "[notify] b"]


def test_a_step_that_is_not_there_gets_those_that_are(world):
    assert world.penstock("logs", "order-1", "chrge") == 1
    assert "It has: charge" in world.terminal.said


def test_a_log_that_is_gone_does_not_hide_the_others(world):
    world.runs.put(a_run(steps={name: {"phase": "Succeeded", "attempt": 1} for name in ("charge", "notify")}))
    world.logs.texts = {"notify": [b"b\n"]}
    assert world.penstock("logs", "order-1") == 0
    assert world.terminal.printed == "[notify] b\n"
    assert "[charge] step charge has no log" in world.terminal.said


def test_only_the_last_lines_are_shown_where_that_is_asked_for(world):
    world.logs.texts = {"charge": [b"one\ntw", b"o\nthree\nfo", b"ur"]}
    assert world.penstock("logs", "--tail", "2", "order-1", "charge") == 0
    assert world.terminal.printed == "three\nfour\n"


def test_following_goes_on_after_the_last_lines(world):
    world.logs.texts = {"charge": [b"one\n", b"two\n"]}
    assert world.penstock("logs", "-f", "--tail", "1", "order-1", "charge") == 0
    assert world.terminal.printed == "two\n"


def test_an_earlier_attempt_is_shown_where_that_is_asked_for(world):
    world.runs.put(a_run("Succeeded", steps={"charge": {"phase": "Succeeded", "attempt": 2}}))
    world.logs.texts = {"charge#1": [b"first\n"], "charge#2": [b"second\n"]}
    assert world.penstock("logs", "order-1", "charge", "--attempt", "1") == 0
    assert world.penstock("logs", "order-1", "charge") == 0
    assert world.terminal.printed == "first\nsecond\n"
    assert world.penstock("logs", "order-1", "--attempt", "1") == 2
    assert "needs a STEP" in world.terminal.said


def test_following_a_step_goes_on_with_its_further_attempts():
    def lives(run):
        return [
            a_run(steps={"charge": {"phase": "Running", "attempt": 1}}),
            a_run(steps={"charge": {"phase": "Backoff", "attempt": 1}}),
            a_run("Succeeded", steps={"charge": {"phase": "Succeeded", "attempt": 2}}),
        ]

    world = World(script=lives)
    world.runs.put(a_run(steps={"charge": {"phase": "Running", "attempt": 1}}))
    world.logs.texts = {"charge#1": [b"first\n"], "charge#2": [b"second\n"]}
    assert world.penstock("logs", "-f", "order-1", "charge") == 0
    assert world.terminal.printed == "first\nsecond\n"
    assert "[attempt 2]" in world.terminal.said


def test_a_log_of_which_only_the_end_is_kept_says_so(world):
    world.logs.texts, world.logs.gone = {"charge": [b"the end\n"]}, {"charge": 70_000}
    assert world.penstock("logs", "order-1", "charge") == 0
    assert world.terminal.printed == "the end\n"
    assert "[the first 70,000 bytes are gone with the pod]" in world.terminal.said


def test_a_step_without_a_harness_is_said_to_have_nothing_masked(world):
    steps = [
        {"name": "charge", "container": {"image": "tool"}},
        {"name": "ship", "needs": ["charge"], "wait": {"duration": "1s"}},
    ]
    world.workflows.put(a_workflow(steps=steps))
    world.logs.texts = {"charge": [b"one\n"]}
    world.penstock("logs", "order-1", "charge")
    assert "[no secret is masked in what container step charge printed]" in world.terminal.said


def test_of_steps_with_a_harness_nothing_is_said(world):
    world.logs.texts = {"charge": [b"one\n"]}
    world.penstock("logs", "order-1", "charge")
    assert "masked" not in world.terminal.said


ITEMS = {"total": 6, "digest": "sha256:1", "itemsPerPod": 2, "nextBatch": 3, "failed": "3"}


def test_logs_of_all_steps_say_how_to_read_those_of_items(world):
    world.runs.put(a_run("Failed", steps={"each": {"phase": "Failed", "items": ITEMS}}))
    assert world.penstock("logs", "order-1") == 0
    assert "[each] step each has the logs of 6 items; name one, from 0 on; failed: 3: --item N" in world.terminal.said


def test_a_step_with_items_has_no_log_of_its_own(world):
    world.runs.put(a_run("Failed", steps={"each": {"phase": "Failed", "items": ITEMS}}))
    assert world.penstock("logs", "order-1", "each") == 1
    assert "failed: 3" in world.terminal.said
    assert "Add --item N" in world.terminal.said


def test_an_item_is_one_of_a_step(world):
    assert world.penstock("logs", "order-1", "--item", "3") == 2
    assert "penstock logs RUN STEP --item N" in world.terminal.said
