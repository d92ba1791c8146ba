"""What a program prints, on its way to the log."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

from tests.integration.runtimes.conftest import Harness

SECRET = "s3cr3t/+ value"
MIB = 1024 * 1024


def test_lines_keep_their_order_within_a_stream(harness: Harness):
    source = "import sys\nfor n in range(1000): print(n); print('e', n, file=sys.stderr)"
    lines = harness.run("python", source).printed.splitlines()

    assert [line for line in lines if not line.startswith(b"e")] == [str(n).encode() for n in range(1000)]
    assert [line for line in lines if line.startswith(b"e")] == [f"e {n}".encode() for n in range(1000)]


def test_bytes_that_are_no_text_pass(harness: Harness):
    assert harness.run("bash", "printf 'a\\0b\\xff\\x1e\\n'").printed == b"a\0b\xff\x1e\n"


def test_a_log_is_cut_at_its_limit_and_the_result_still_comes(harness: Harness):
    source = "for n in range(200_000): print(n, 'x' * 100)\noutput('made it')"

    finished = harness.run("python", source)

    assert finished.record.output == "made it"
    assert 5 * MIB < len(finished.printed) < 8 * MIB
    assert finished.printed.splitlines()[-1].startswith(b"[output truncated: ")
    assert finished.printed.count(b"[output truncated") == 1


def test_one_endless_line_is_cut_too(harness: Harness):
    finished = harness.run("bash", "head -c 20000000 /dev/zero | tr '\\0' x; output done")

    assert finished.record.output == "done"
    assert len(finished.printed) <= 8 * MIB + 200


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SECRET, id="raw"),
        pytest.param(urllib.parse.quote(SECRET, safe=""), id="URL-encoded"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="base64"),
        pytest.param(base64.b64encode(b"u:" + SECRET.encode()).decode(), id="base64 of user and password"),
    ],
)
def test_a_secret_is_masked_wherever_it_shows(harness: Harness, text: str):
    source = f"""
import sys
text = {text!r}
print("out", text); print("err", text, file=sys.stderr)
progress(1, 2, text)
output({{"value": text, text: [text]}})
fail("CODE", "because " + text)
"""
    finished = harness.run("python", source, {"TOKEN": SECRET}, secretEnv=["TOKEN"], capture=True)

    assert text.encode() not in finished.log
    assert SECRET.encode() not in finished.log
    assert finished.printed.count(b"***") == 2
    assert finished.record.error_reason is not None
    assert finished.record.error_reason.startswith("because ")
    assert "***" in finished.record.error_reason


def test_a_secret_is_masked_across_writes(harness: Harness):
    source = """
import os, sys, time
token = os.environ["TOKEN"]
for character in "a " + token + " b\\n":
    os.write(1, character.encode())
    time.sleep(0.002)
os.write(1, b"x" * 65_530 + token.encode() + b"y" * 70_000)
"""
    printed = harness.run("python", source, {"TOKEN": SECRET}, secretEnv=["TOKEN"]).printed

    assert printed.startswith(b"a *** b\n")
    assert printed.count(b"***") == 2
    assert SECRET.encode() not in printed


def test_a_secret_in_a_traceback_is_masked(harness: Harness):
    source = "import os; raise ValueError(os.environ['TOKEN'])"

    finished = harness.run("python", source, {"TOKEN": SECRET}, secretEnv=["TOKEN"])

    assert SECRET.encode() not in finished.log
    assert finished.error[1] is not None
    assert finished.error[1] == "ValueError: *** (step.py, line 1)"


def test_a_variable_that_is_not_secret_is_shown(harness: Harness):
    assert harness.run("bash", 'echo "$PLAIN"', {"PLAIN": "visible"}, secretEnv=["OTHER"]).printed == b"visible\n"
