"""CEL is checked for everything that would fail whatever the values are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from penstock.adapters.cel.checking import CONVERSIONS, FUNCTIONS, TEXT, TIMES, check_expression
from penstock.adapters.cel.worker import work
from penstock.api.v1alpha1.expressions import MACROS

WRONG = {
    "an end too early": ("1 +", "It ends too early."),
    "an open bracket": ("(1 + 2", "It ends too early."),
    "half a choice": ("true ? 1", "It ends too early."),
    "a bracket that is closed by another": ("(1 + 2]", "`]` is not expected at character 7."),
    "an open quote": ("'x", "The text in quotes that begins at character 1 is never closed."),
    "two values": ("context.a context.b", "`context` is not expected at character 11."),
    "a sign of another language": ("context.a @ 1", "`@` at character 11 is no part of CEL."),
    "the second line": ("context.a +\n* 1", "`*` is not expected at line 2."),
    "optional fields": ("context.?a", "'.?' at character 8 is not supported."),
    "has() of a name": ("has(context)", "has() takes a field, such as has(context.note)."),
    "a function that is near another": (
        "context.a.startWith('x')",
        "There is no function `startWith`; `startsWith` is near.",
    ),
    "a function of Python": ("len(context.a)", "There is no function `len`; "),
    "three loops": (
        "a.all(x, x.all(y, y.all(z, z)))",
        "It has 3 loops (such as `map`) inside each other; 2 are the limit.",
    ),
    "too many brackets": ("[" * 33 + "]" * 33, "Its brackets are nested 33 deep; 32 is the limit."),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_run_is_told_in_plain_words(text, message):
    assert str(check_expression(text)).startswith(message)


@pytest.mark.parametrize(
    "text", ["steps.a.output", "context.a > 1.0", "[1, 2].map(x, x.map(y, y))", "'a' + 'b' // note"]
)
def test_what_can_run_passes(text):
    assert check_expression(text) is None


CALLS = {
    **dict.fromkeys(CONVERSIONS, "{0}(1)"),
    "bytes": "bytes('a')",
    "duration": "duration('1s')",
    "timestamp": "timestamp('2030-01-01T00:00:00Z')",
    **dict.fromkeys(TEXT, "'abc'.{0}('b')"),
    "size": "size('abc')",
    **dict.fromkeys(TIMES, "timestamp('2030-01-01T00:00:00Z').{0}()"),
    **dict.fromkeys(MACROS, "[1].{0}(x, x == 1)"),
    "has": "has({{'a': 1}}.a)",
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_that_is_let_through_is_there(name):
    text = CALLS[name].format(name)

    assert check_expression(text) is None
    assert work(text, {})[1] is None


def test_the_deepest_expression_that_passes_does_not_end_the_process_on_a_small_stack():
    program = """
import threading
from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.worker import work
deep = "[" * 16 + "size(" * 0 + "(" * 16 + "a" + ".b" * 128 + " + a" * 128 + ")" * 16 + "]" * 16
data = 1
for _ in range(31):
    data = {"b": [data]}
def both():
    print(check_expression(deep), work(deep, {"a": data})[1] is not None)
threading.stack_size(512 * 1024)
thread = threading.Thread(target=both)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "None True\n")
