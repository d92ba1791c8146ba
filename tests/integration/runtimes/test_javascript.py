"""What a JavaScript script finds around it."""

from __future__ import annotations

import pytest

from tests.integration.runtimes.conftest import Harness
from tests.integration.runtimes.languages import missing

pytestmark = pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")


def run(harness: Harness, source: str, **fields: object):
    return harness.run("javascript", source, **fields)


def test_a_script_is_a_module_and_may_require_as_well(harness: Harness):
    source = """
import path, { basename } from "node:path"
const { join } = require("path")
const { default: fs } = await import("node:fs")
export const answer = 42
output([basename("/a/b"), join("a", "b"), path === require("path"), typeof fs.readFileSync, process.argv.length])
"""
    assert run(harness, source).record.output == ["b", "a/b", True, "function", 2]


def test_its_names_may_be_those_of_what_it_is_given(harness: Harness):
    source = "for (const item of context.items) { const run = item * 2; function steps() {}; output(run) }"

    assert run(harness, source, context={"items": [4]}).record.output == 8


def test_a_whole_number_that_a_number_cannot_hold_is_a_bigint(harness: Harness):
    source = "output([typeof context.id, typeof context.n, context.id + 1n, context.text, -(2n ** 70n)])"
    context = {"id": 2**53 + 1, "n": 2**53 - 1, "text": '"9007199254740993\\"'}

    assert run(harness, source, context=context).record.output == [
        *("bigint", "number"),
        2**53 + 2,
        '"9007199254740993\\"',
        -(2**70),
    ]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        pytest.param("new Map([[1, 2]])", "Object.fromEntries(map)", id="a map"),
        pytest.param("{a: new Set()}", "[...set]", id="a set"),
        pytest.param("(async () => 1)()", "write `await` before it", id="a promise"),
        pytest.param("undefined", "give null", id="undefined"),
        pytest.param("() => 1", "give null", id="a function"),
    ],
)
def test_an_output_that_would_be_lost_says_what_to_write(harness: Harness, value: str, hint: str):
    code, reason = run(harness, f"const x = 1\noutput({value})").error

    assert code == "SCRIPT_FAILED"
    assert reason is not None
    assert hint in reason
    assert reason.endswith("(step.mjs, line 2)")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(
            "\nsetTimeout(() => { throw new Error('late') }, 1)", "Error: late (step.mjs, line 2)", id="later"
        ),
        pytest.param("\nPromise.reject(new TypeError('t'))", "TypeError: t (step.mjs, line 2)", id="a promise"),
        pytest.param("throw 'just text'", "the script threw just text", id="a text"),
        pytest.param("throw {code: 7}", "the script threw { code: 7 }", id="an object"),
        pytest.param("throw new Error()", "Error (step.mjs, line 1)", id="no message"),
        pytest.param("await new Promise(() => {})", "waits for what never comes", id="an endless await"),
        pytest.param("import 'no-such-package'", "Cannot find package 'no-such-package'", id="a missing package"),
    ],
)
def test_whatever_ends_it_is_told(harness: Harness, source: str, reason: str):
    finished = run(harness, source)

    assert finished.error[0] == "SCRIPT_FAILED"
    assert finished.error[1] is not None
    assert reason in finished.error[1]


def test_an_error_that_the_script_handles_itself_is_no_failure(harness: Harness):
    source = """
process.on("uncaughtException", (error) => output(error.message))
setTimeout(() => { throw new Error("seen") }, 1)
"""
    finished = run(harness, source)

    assert finished.error == (None, None)
    assert finished.record.output == "seen"


def test_how_a_program_of_its_own_ends_is_the_scripts_business(harness: Harness):
    source = """
import { fork } from "node:child_process"
import { Worker } from "node:worker_threads"
require("fs").writeFileSync("child.mjs", "throw new Error('mine')")
const code = await new Promise((done) => fork("child.mjs").on("exit", done))
const error = await new Promise((done) => new Worker("./child.mjs").on("error", done))
output([code, error.message])
"""
    finished = run(harness, source)

    assert finished.error == (None, None)
    assert finished.record.output == [1, "mine"]
    assert finished.record.interpreter.startswith("Node.js ")
