"""Secrets of a step, through the real harness: the program has them, nobody who reads what it says does."""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path

import pytest

from tests.integration.runtimes.conftest import Harness

PASSWORD = "hunter2/+ horse"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n-----END KEY-----\n"
TELLS = """
import base64, os, sys, urllib.parse
for text in (os.environ["DB_PASSWORD"], open(os.path.join(os.environ["PENSTOCK_SECRETS"], "tls", "tls.key")).read()):
    spellings = [text, urllib.parse.quote(text, safe=""), *(
        base64.b64encode(b"x" * shift + text.encode()).decode() for shift in range(3))]
    for spelling in spellings:
        print(spelling); print(spelling, file=sys.stderr); progress(1, 2, spelling)
output({"it": os.environ["DB_PASSWORD"], os.environ["DB_PASSWORD"]: [1]})
fail("GONE", "no login with " + os.environ["DB_PASSWORD"])
"""


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """A whole Secret as variables and another as a file, as the kubelet gives them."""
    (tmp_path / "secrets" / "tls").mkdir(parents=True)
    (tmp_path / "secrets" / "tls" / "tls.key").write_text(KEY)
    return {"PENSTOCK_SECRET_ENV_DB_PASSWORD": PASSWORD, "PENSTOCK_SECRETS": str(tmp_path / "secrets")}


def test_they_are_masked_in_all_that_an_attempt_says(harness: Harness, given: dict[str, str]):
    finished = harness.run("python", TELLS, given, capture=True)

    for text in (PASSWORD, *KEY.split("\n")[1:3]):
        data = text.encode()
        for spelling in (data, urllib.parse.quote(data, safe="").encode(), base64.b64encode(data).rstrip(b"=")):
            assert spelling not in finished.log
    assert finished.record.output == {"it": "***", "***": [1]}
    assert finished.error == ("GONE", "no login with ***")


def test_the_program_finds_them_under_their_own_names(harness: Harness, given: dict[str, str]):
    source = """
    [ "$DB_PASSWORD" = 'hunter2/+ horse' ] && head -n 1 "$PENSTOCK_SECRETS/tls/tls.key" | wc -c
    env | grep -c ^PENSTOCK_SECRET_ENV_ || true
    """
    assert harness.run("bash", source, given).printed.split() == [b"20", b"0"]


def test_each_item_of_a_batch_has_them_and_is_masked(harness: Harness, given: dict[str, str]):
    items = [{"index": index, "value": index + 1} for index in range(2)]
    finished = harness.run("bash", 'echo "$DB_PASSWORD"; output "$DB_PASSWORD"', given, items=items)

    assert finished.printed == b"***\n***\n"
    assert PASSWORD.encode() not in finished.log


def test_what_is_too_short_to_be_masked_is_said_so(harness: Harness):
    finished = harness.run("bash", 'echo "$PIN"', {"PIN": "123"}, secretEnv=["PIN"])

    [said, printed] = finished.printed.splitlines()
    assert printed == b"123"
    assert b"shorter than 4 characters" in said
    assert said.endswith(b": PIN]")


def test_what_installs_dependencies_does_not_see_them(harness: Harness, given: dict[str, str]):
    spy = harness.folder / "uv"
    spy.write_text(f'#!/bin/sh\nenv > "{harness.folder}/seen"\nexit 1\n')
    spy.chmod(0o755)
    harness.run("python", "pass", {**given, "PENSTOCK_UV": str(spy)}, dependencies=["six"])

    assert PASSWORD not in (harness.folder / "seen").read_text()
