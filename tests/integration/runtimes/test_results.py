"""The result record itself: bounds, forgeries, and that there is exactly one. What it says is in test_contract.py."""

from __future__ import annotations

import json
import subprocess

import pytest

from penstock.engine.result_records import RECORD_MARK
from tests.integration.runtimes.conftest import SECONDS, Harness, a_document


def test_captured_streams_are_bounded_as_json(harness: Harness):
    record = harness.run("bash", "printf '\\001%.0s' {1..700000}", capture=True).record

    assert record.stdout is not None
    assert 250_000 < len(json.dumps(record.stdout)) <= 256 * 1024 + 2


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
