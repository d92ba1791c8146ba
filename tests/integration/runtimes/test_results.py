"""How an attempt ends, for a program in Python and one in bash: the record says it, and so does the exit code."""

from __future__ import annotations

import json
import subprocess

import pytest

from penstock.engine.result_records import RECORD_MARK, parse_termination_message
from tests.integration.runtimes.conftest import NONCE, SECONDS, Harness, a_document

RUNTIMES = ["python", "bash"]


def in_both(python: str, bash: str) -> pytest.MarkDecorator:
    """The same program in both languages."""
    cases = [pytest.param("python", python, id="python"), pytest.param("bash", bash, id="bash")]
    return pytest.mark.parametrize(("runtime", "source"), cases)


@in_both(
    "output({'order': 'O-1', 'lines': [1, 2.5, None, True]})",
    'output \'{"order":"O-1","lines":[1,2.5,null,true]}\'',
)
def test_a_program_that_ends_well(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    record = finished.record

    assert finished.exit_code == 0
    assert (record.exit_code, record.signal, record.error_code) == (0, None, None)
    assert record.output == {"order": "O-1", "lines": [1, 2.5, None, True]}
    assert finished.log.splitlines()[-1].startswith(RECORD_MARK.encode())


@in_both("print('no output')", "echo no output")
def test_a_program_without_an_output(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.record.succeeded
    assert not finished.record.has_output
    assert finished.printed == b"no output\n"


@in_both("output(1); output('two')", "output 1; output two")
def test_the_last_output_counts(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).record.output == "two"


@in_both("fail('NO_STOCK', 'sold out: é'); print('not reached')", "fail NO_STOCK 'sold out: é'; echo not reached")
def test_a_program_that_says_why_it_fails(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error == ("NO_STOCK", "sold out: é")
    assert finished.exit_code == finished.record.exit_code == 1
    assert b"not reached" not in finished.log


@in_both("fail('TIMED_OUT', 'so it says')", "fail TIMED_OUT 'so it says'")
def test_a_program_cannot_pose_as_its_harness(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).error == ("SCRIPT_FAILED", "TIMED_OUT: so it says")


@in_both(
    "import sys; sys.stderr.write('first\\n\\nlast words\\n'); exit(3)",
    "printf 'first\\n\\nlast words\\n' >&2; exit 3",
)
def test_a_program_that_just_fails(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error == ("SCRIPT_FAILED", "first\nlast words")
    assert finished.exit_code == finished.record.exit_code == 3


@in_both("exit(4)", "exit 4")
def test_a_program_that_fails_in_silence(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).error == ("SCRIPT_FAILED", "the script ended with exit code 4")


@in_both("import os; os.kill(os.getpid(), 9)", "kill -9 $$")
def test_a_program_that_a_signal_ends(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    record = finished.record

    assert finished.exit_code == 128 + 9
    assert (record.exit_code, record.signal) == (None, "SIGKILL")
    assert finished.error == (
        "SIGNALLED",
        "the script was ended by SIGKILL. The usual cause is that memory ran out.",
    )


@in_both("output('x' * 921599)", "printf -v x '%921599s' a; output \"$x\"")
def test_an_output_over_the_limit(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    code, reason = finished.error

    assert code == "OUTPUT_TOO_LARGE"
    assert reason is not None
    assert "921601 bytes; the limit is 921600" in reason
    assert (finished.exit_code, finished.record.exit_code) == (1, 0)


@in_both("output('é' * 460799)", "head -c 460799 /dev/zero | sed 's/\\x00/é/g' | output -")
def test_an_output_at_the_limit(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).record.output == "é" * 460799


@in_both(
    "import os; open(os.environ['PENSTOCK_OUTPUT'], 'a').write('not JSON\\n')", 'echo not JSON >> "$PENSTOCK_OUTPUT"'
)
def test_an_output_that_is_not_json(harness: Harness, runtime: str, source: str):
    code, reason = harness.run(runtime, source).error

    assert code == "OUTPUT_INVALID"
    assert reason is not None
    assert reason.startswith("line 2 of the file named by PENSTOCK_OUTPUT is not JSON")


@in_both("progress(1, 4, 'a'); progress(2, 4, 'b')", "progress 1 4 a; progress 2 4 b")
def test_the_last_progress_is_always_told(harness: Harness, runtime: str, source: str):
    newest = harness.run(runtime, source).progress[-1]

    assert (newest.current, newest.total, newest.message) == (2, 4, "b")


@in_both(
    "import os, time\nprogress(1, 2, 'begun')\nwhile not os.path.exists('go'): time.sleep(0.01)\n",
    "progress 1 2 begun; until [ -e go ]; do sleep 0.01; done",
)
def test_progress_is_told_while_the_program_runs(harness: Harness, runtime: str, source: str):
    process = harness.start(runtime, source)
    assert process.stdout is not None
    line = process.stdout.readline()
    (harness.folder / "work" / "go").touch()
    harness.finish(process)

    assert json.loads(line.split(b" ", 2)[2]) == {"current": 1, "total": 2, "message": "begun"}


@in_both("import sys; print('out'); sys.stderr.write('err\\n')", "echo out; echo err >&2")
def test_captured_streams_are_in_the_record_and_the_log(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source, capture=True)

    assert (finished.record.stdout, finished.record.stderr) == ("out\n", "err\n")
    assert sorted(finished.printed.splitlines()) == [b"err", b"out"]


@in_both("print('\\x01' * 700_000)", "printf '\\001%.0s' {1..700000}")
def test_captured_streams_are_bounded_as_json(harness: Harness, runtime: str, source: str):
    record = harness.run(runtime, source, capture=True).record

    assert record.stdout is not None
    assert 250_000 < len(json.dumps(record.stdout)) <= 256 * 1024 + 2


@in_both("import sys; print(sys.version.split()[0])", 'echo "${BASH_VERSION%%(*}"')
def test_the_interpreter_is_named(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.record.interpreter.lower() == f"{runtime} {finished.printed.decode().strip()}"


def test_usage_is_that_of_the_program(harness: Harness):
    source = "import time; x = bytearray(80_000_000)\nwhile time.process_time() < 0.3: pass"
    usage = harness.run("python", source).record.usage

    assert usage.peak_rss_bytes > 80_000_000
    assert 0.2 <= usage.cpu_seconds <= usage.wall_seconds + 0.1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_small_record_is_also_the_termination_message(harness: Harness, runtime: str):
    message = harness.folder / "termination-log"
    source = "output(1)" if runtime == "python" else "output 1"
    finished = harness.run(runtime, source, {"PENSTOCK_TERMINATION_MESSAGE": str(message)})

    assert len(message.read_bytes()) <= 4096
    assert parse_termination_message(message.read_text(), NONCE) == finished.record


def test_a_large_record_is_not_cut_to_a_termination_message(harness: Harness):
    message = harness.folder / "termination-log"
    source = "import os; output(os.urandom(5000).hex())"
    harness.run("python", source, {"PENSTOCK_TERMINATION_MESSAGE": str(message)})

    assert not message.exists()


FORGERIES = {
    "another nonce": f'{RECORD_MARK} ffff {{"version":1,"exitCode":0,"usage":{{}}}}',
    "no nonce": f"{RECORD_MARK} {{}}",
    "a mark alone": RECORD_MARK,
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_only_looks_like_a_record_is_output(harness: Harness, forgery: str):
    finished = harness.run("python", f"print({forgery!r})\noutput('real')")

    assert finished.printed.decode() == forgery + "\n"
    assert finished.record.output == "real"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_program_is_not_told_the_nonce(harness: Harness, runtime: str):
    python = "import os, sys; print(os.environ, sys.argv, sys.path, vars(sys.modules['__main__']), vars(output))"
    source = python if runtime == "python" else 'env; set; echo "$0 $*"; ls -a; cat .penstock/*'

    assert NONCE.encode() not in harness.run(runtime, source).printed


def test_exactly_one_record_is_written(harness: Harness):
    assert harness.run("bash", "output 1; fail A b").log.count(RECORD_MARK.encode()) == 1


def test_an_unfinished_line_does_not_swallow_the_record(harness: Harness):
    finished = harness.run("bash", "printf 'no newline'")

    assert finished.printed == b"no newline\n"
    assert finished.record.succeeded


def test_the_start_loads_no_heavy_module(harness: Harness):
    path = harness.folder / "input.json"
    path.write_bytes(a_document("bash", ":"))
    command = ["-X", "importtime", *_command()[1:]]
    environment = {**harness.environment, "PENSTOCK_INPUT": str(path), "PENSTOCK_WORKDIR": str(harness.folder)}
    done = subprocess.run([_command()[0], *command], env=environment, capture_output=True, timeout=SECONDS, check=True)
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}

    assert "harness.attempt" in loaded
    assert not loaded & {"json", "re", "enum", "subprocess", "threading", "collections", "hashlib", "signal", "site"}


def _command() -> tuple[str, ...]:
    from penstock_runtimes import harness_command

    return harness_command()
