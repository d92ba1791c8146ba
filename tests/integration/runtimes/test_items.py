"""Several items in one attempt: each a program run of its own, with its own result."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from penstock.engine.result_records import ITEM_MARK, ItemRecord
from tests.integration.runtimes.conftest import Finished, Harness
from tests.integration.runtimes.languages import missing


def items(*values: Any) -> list[dict[str, Any]]:
    return [{"index": 10 + number, "value": value} for number, value in enumerate(values)]


def told(finished: Finished) -> dict[int, tuple[Any, str | None]]:
    """Output and code of each item."""
    records = [event for event in finished.events if isinstance(event, ItemRecord)]
    return {record.index: (record.output, record.error_code) for record in records}


@pytest.mark.parametrize(
    ("runtime", "source"),
    [
        pytest.param(
            "python", "if item.n == 2: fail('NO_STOCK', 'sold out')\noutput([item.n, itemIndex])", id="python"
        ),
        pytest.param(
            "bash",
            "n=$(item_value .n)\nif [[ $n == 2 ]]; then fail NO_STOCK 'sold out'; fi\n"
            'output "[$n,$PENSTOCK_ITEM_INDEX]"',
            id="bash",
        ),
    ],
)
def test_each_item_has_its_own_result_and_one_that_fails_stops_no_other(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source, items=items({"n": 1}, {"n": 2}, {"n": 3}))

    assert told(finished) == {10: ([1, 10], None), 11: (None, "NO_STOCK"), 12: ([3, 12], None)}
    assert finished.error == ("ITEMS_FAILED", "1 of 3 items failed; the first: item 11: sold out (NO_STOCK)")
    assert finished.exit_code == 1
    assert finished.record.usage.wall_seconds > 0


def test_an_attempt_whose_items_all_succeed_succeeds(harness: Harness):
    finished = harness.run("python", "output(item)", items=items("a", "b"))

    assert finished.record.succeeded
    assert finished.exit_code == 0


def test_no_item_finds_what_another_left_behind(harness: Harness):
    source = "import os, builtins\noutput([os.listdir('.'), hasattr(builtins, 'seen')])\n"
    source += "open('left', 'w').close()\nbuiltins.seen = 1"

    results = told(harness.run("python", source, items=items(1, 2)))

    assert results == {10: ([["step.py"], False], None), 11: ([["step.py"], False], None)}


def test_each_item_has_the_time_of_the_step(harness: Harness):
    source = "while item == 1: pass\noutput(item)"

    results = told(harness.run("python", source, items=items(1, 2), timeoutSeconds=1))

    assert results == {10: (None, "TIMED_OUT"), 11: (2, None)}


def test_each_item_has_a_key_of_its_own(harness: Harness):
    source = "import os\noutput(os.environ['PENSTOCK_IDEMPOTENCY_KEY'])"

    results = told(harness.run("python", source, items=items(1, 2), idempotencyKey="run/rows/1"))

    assert [output for output, _ in results.values()] == ["run/rows/1/10", "run/rows/1/11"]


def test_an_attempt_that_is_asked_to_stop_begins_no_further_item(harness: Harness):
    process = harness.start("python", "import time\nprint('ready', flush=True)\ntime.sleep(1000)", items=items(1, 2, 3))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    finished = harness.finish(process)

    assert told(finished) == {10: (None, "CANCELLED")}
    assert finished.error[0] == "CANCELLED"


def test_what_had_ended_is_in_the_log_of_a_harness_that_is_killed(harness: Harness):
    source = (
        "import os, time\nif item == 2:\n  print('ready', os.getpid(), flush=True)\n  time.sleep(1000)\noutput(item)"
    )
    process = harness.start("python", source, items=items(1, 2, 3), environment={"PENSTOCK_GRACE_SECONDS": "0.1"})
    log = b""
    with process:
        assert process.stdout is not None
        while b"ready" not in log:
            log += process.stdout.readline()
        os.killpg(int(log.split(b"ready ")[1]), signal.SIGKILL)
        process.kill()

    assert told(Finished(process.returncode, log, harness.folder)) == {10: (1, None)}


def test_outputs_that_have_no_room_in_the_log_fail_their_items_alone(harness: Harness):
    source = "print('x' * 5_000_000)\noutput('x' * 900_000)"

    finished = harness.run("python", source, items=items(*range(1, 7)))
    results = told(finished)

    assert [code for _, code in results.values()] == [None] * 4 + ["OUTPUT_TOO_LARGE"] * 2
    assert len(finished.log) < 10 * 1024 * 1024, "a node keeps no more of a log in one file"
    assert b"holds 4 MiB" in finished.printed


@pytest.mark.parametrize(
    "given",
    [[], [{"index": 1}], [{"index": "1", "value": 2}], [{"index": 1, "value": None}], "x"],
    ids=["none", "no value", "no number", "null", "no list"],
)
def test_items_that_are_none_are_refused(harness: Harness, given: Any):
    assert harness.run("python", "output(1)", items=given).error[0] == "INPUT_INVALID"


def test_what_one_item_said_is_not_taken_for_the_next_one(harness: Harness):
    finished = harness.run("python", "if item == 1: output('mine')", items=items(1, 2))

    assert told(finished) == {10: ("mine", None), 11: (None, None)}


def test_an_item_that_is_killed_fails_alone(harness: Harness):
    source = "import os, signal\nif item == 1: os.kill(os.getpid(), signal.SIGKILL)\noutput(item)"
    finished = harness.run("python", source, items=items(1, 2))

    assert told(finished) == {10: (None, "SIGNALLED"), 11: (2, None)}


def test_an_output_that_is_too_large_fails_its_item_alone(harness: Harness):
    finished = harness.run("python", "output('x' * item)", items=items(1_000_000, 3))

    assert told(finished) == {10: (None, "OUTPUT_TOO_LARGE"), 11: ("xxx", None)}


def test_what_looks_like_the_record_of_an_item_is_what_the_program_printed(harness: Harness):
    forged = f'{ITEM_MARK} ffff {{"index":10,"output":"forged","usage":{{}}}}'
    finished = harness.run("python", f"print({forged!r})\noutput('real')", items=items(1))

    assert told(finished) == {10: ("real", None)}
    assert forged.encode() in finished.printed


def test_javascript_has_the_item_and_its_place(harness: Harness):
    if reason := missing("javascript"):
        pytest.skip(reason)
    finished = harness.run(
        "javascript", "if (item.n === 2) fail('ODD'); output([item.n, itemIndex])", items=items({"n": 1}, {"n": 2})
    )

    assert told(finished) == {10: ([1, 10], None), 11: (None, "ODD")}
