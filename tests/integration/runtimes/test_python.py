"""What a Python script finds around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runtimes.conftest import Harness

STEPS = {"charge": {"output": {"order_id": "O-1", "lines": [{"sku": "a"}]}}}


def test_values_can_be_read_as_keys_and_as_attributes(harness: Harness):
    source = """
assert context.customer == context["customer"] == context.get("customer")
assert steps.charge.output.lines[0].sku == steps["charge"]["output"]["lines"][0]["sku"] == "a"
assert item.sku == "z" and run.name == "run-1" and run.namespace == "sales"
assert isinstance(context, dict) and {**context}["items"] == [1] and context["items"] == [1]
output({"context": context, "item": item, "id": steps.charge.output.order_id})
"""
    values: dict[str, Any] = {"context": {"customer": "é", "items": [1]}, "steps": STEPS, "item": {"sku": "z"}}
    record = harness.run("python", source, **values).record

    assert record.output == {"context": {"customer": "é", "items": [1]}, "item": {"sku": "z"}, "id": "O-1"}


def test_a_missing_value_says_what_there_is(harness: Harness):
    finished = harness.run("python", "context.custmer", context={"customer": 1, "total": 2})

    assert finished.error == (
        "SCRIPT_FAILED",
        "AttributeError: there is no 'custmer' here; there is: customer, total (step.py, line 1)",
    )


def test_values_keep_their_types(harness: Harness):
    context = {"s": "1", "i": 2**70, "f": 0.1, "t": True, "n": None, "l": [], "o": {}}

    record = harness.run("python", "output({k: type(v).__name__ for k, v in context.items()})", context=context).record

    assert record.output == {
        "s": "str",
        "i": "int",
        "f": "float",
        "t": "bool",
        "n": "NoneType",
        "l": "list",
        "o": "Record",
    }


def test_a_traceback_names_the_scripts_own_lines(harness: Harness):
    source = "def charge(n):\n    return 1 / n\n\ncharge(0)\n"

    finished = harness.run("python", source)

    assert finished.printed.decode().splitlines() == [
        "Traceback (most recent call last):",
        '  File "step.py", line 4, in <module>',
        "    charge(0)",
        '  File "step.py", line 2, in charge',
        "    return 1 / n",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert finished.error == ("SCRIPT_FAILED", "ZeroDivisionError: division by zero (step.py, line 2)")


def test_a_syntax_error_names_the_scripts_own_line(harness: Harness):
    finished = harness.run("python", "x = 1\nif x\n")

    assert b'File "step.py", line 2' in finished.printed
    assert b"prelude" not in finished.printed
    assert finished.error == ("SCRIPT_FAILED", "SyntaxError: expected ':' (step.py, line 2)")


def test_a_failure_in_another_module_names_the_line_that_led_there(harness: Harness):
    _, reason = harness.run("python", "import json\njson.loads('{')").error

    assert reason is not None
    assert reason.startswith("JSONDecodeError: ")
    assert reason.endswith("(step.py, line 2)")


@pytest.mark.parametrize(
    "value",
    ["{1, 2}", "b'x'", "float('nan')", "float('inf')", "object()", "'\\ud800'", "(lambda a: a.append(a) or a)([])"],
)
def test_an_output_that_json_cannot_hold_fails_where_it_is_made(harness: Harness, value: str):
    finished = harness.run("python", f"x = 1\noutput({value})\n")

    assert b'File "step.py", line 2' in finished.printed
    assert b"output()" in finished.printed
    assert b"prelude" not in finished.printed
    assert not finished.record.has_output


def test_a_script_is_the_main_program(harness: Harness):
    source = """
import sys, __main__
assert __name__ == "__main__" and __file__ == "step.py" and sys.argv == ["step.py"]
assert __main__.context is context
import threading, atexit
threading.Thread(target=lambda: print("thread")).start()
atexit.register(print, "at exit")
print("main")
"""
    assert sorted(harness.run("python", source).printed.split(b"\n")) == [b"", b"at exit", b"main", b"thread"]


def test_processes_of_its_own_work(harness: Harness):
    source = """
import multiprocessing, os, subprocess, sys
def double(n): return 2 * n
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        doubled = pool.map(double, [1, 2, 3])
    shell = subprocess.run(["sh", "-c", "echo $CTX_a"], capture_output=True, text=True).stdout
    output([doubled, shell, os.getpid() == os.getpgrp()])
"""
    assert harness.run("python", source, context={"a": "é"}).record.output == [[2, 4, 6], "é\n", True]


def test_nothing_of_the_harness_is_left_in_the_interpreter(harness: Harness):
    source = """
import sys
print([name for name in sys.modules if "harness" in name or "prelude" in name or "lean" in name])
print([entry for entry in sys.path if "penstock" in entry])
"""
    assert harness.run("python", source).printed == b"[]\n[]\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files the way Linux does")
def test_no_open_file_of_the_harness_is_inherited(harness: Harness):
    source = "import os; output(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])"

    assert harness.run("python", source).record.output == [0, 1, 2]


def test_the_environment_cannot_change_the_interpreter(harness: Harness):
    evil = harness.folder / "evil"
    evil.mkdir()
    for name in ("json.py", "sitecustomize.py", "usercustomize.py"):
        (evil / name).write_text("print('evil')")

    environment = {"PYTHONPATH": str(evil), "PYTHONSTARTUP": str(evil / "json.py")}
    finished = harness.run("python", "import json; print(json.dumps(1))", environment)

    assert finished.printed == b"1\n"


def test_a_laptop_shows_no_more_packages_than_an_image(harness: Harness):
    """The harness runs in this project's environment; its packages are not the script's."""
    finished = harness.run("python", "import pydantic")

    assert finished.error[0] == "SCRIPT_FAILED"
    assert finished.error[1] is not None
    assert "No module named 'pydantic'" in finished.error[1]


def test_standard_input_is_empty_and_the_folder_is_the_attempts(harness: Harness):
    record = harness.run("python", "import os, sys; output([sys.stdin.read(), os.getcwd()])").record

    assert record.output == ["", str(harness.folder / "work")]


def test_text_of_any_kind_can_be_printed(harness: Harness):
    finished = harness.run("python", "print('é 漢 \\U0001F600 \\ud800 \\0')", {"LANG": "C", "LC_ALL": "POSIX"})

    assert finished.printed.decode() == "é 漢 \U0001f600 \\ud800 \0\n"


def test_a_line_is_passed_on_when_it_is_printed(harness: Harness):
    source = "import time, os\nprint('ready')\nwhile not os.path.exists('go'): time.sleep(0.01)"
    process = harness.start("python", source)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    (harness.folder / "work" / "go").touch()

    assert harness.finish(process).record.succeeded


def test_what_the_contract_promises_is_in_the_environment(harness: Harness):
    source = "import os, json; output([dict(os.environ), json.load(open(os.environ['PENSTOCK_CONTEXT_FILE']))])"
    run = {"name": "r", "namespace": "n", "phase": "Failed", "failedSteps": ["a"]}

    record = harness.run("python", source, {"MINE": "1"}, run=run, attempt=2, context={"a": 1}, item=3).record
    environment, file = record.output

    assert environment["MINE"] == "1"
    assert environment["PENSTOCK_RUN"] == "r"
    assert environment["PENSTOCK_STEP"] == "charge"
    assert environment["PENSTOCK_ATTEMPT"] == "2"
    assert environment["PENSTOCK_RUN_PHASE"] == "Failed"
    assert environment["PENSTOCK_IDEMPOTENCY_KEY"] == "key-1"
    assert environment["CTX_a"] == "1"
    assert not [name for name in environment if name.startswith("PENSTOCK_INPUT")]
    assert file == {"context": {"a": 1}, "item": 3, "itemIndex": None, "steps": {}, "run": run}


def test_the_prelude_also_runs_in_an_interpreter_of_its_own(harness: Harness, tmp_path: Path):
    """As on macOS, where a fork must not go on without exec, and with dependencies."""
    import subprocess
    import sys

    from penstock_runtimes import load_runtime

    values = {"context": {"a": 1}, "item": None, "itemIndex": None, "steps": {}, "run": {}}
    (tmp_path / "context.json").write_text(json.dumps(values))
    (tmp_path / "step.py").write_text("print(context.a); output(context.a); fail('A', 'b')")
    environment = {"PENSTOCK_OUTPUT": str(tmp_path / "out"), "PENSTOCK_CONTEXT_FILE": str(tmp_path / "context.json")}
    prelude = load_runtime("python").folder / "prelude.py"

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(prelude), "step.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (1, b"1\n", b"")
    statements = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert statements[1:] == [{"output": 1}, {"fail": {"code": "A", "reason": "b"}}]
