"""The numbers that scripts rely on."""

from __future__ import annotations

import pytest

from penstock.cli.exit_codes import of_error, of_run
from penstock.errors import BugError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable


@pytest.mark.parametrize(
    ("phase", "code", "want"),
    [
        ("Succeeded", None, 0),
        ("Failed", "SCRIPT_FAILED", 1),
        ("Failed", None, 1),
        ("Cancelled", "CANCELLED", 3),
        ("TimedOut", "RUN_TIMED_OUT", 4),
        ("Failed", "REJECTED", 5),
        ("Failed", "APPROVAL_EXPIRED", 5),
    ],
)
def test_a_run_ends_with_its_own_number(phase, code, want):
    assert of_run(phase, code) == want


@pytest.mark.parametrize(
    ("error", "want"),
    [(InvalidInput(), 2), (NotFound(), 1), (Forbidden(), 1), (Unavailable(), 75), (Conflict(), 75), (BugError(), 70)],
)
def test_an_error_says_who_must_act(error, want):
    assert of_error(error) == want
