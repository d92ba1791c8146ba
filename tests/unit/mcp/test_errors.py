from __future__ import annotations

import logging

import pytest

from penstock.errors import BugError, Conflict, Forbidden, InvalidInput, NotFound, PenstockError, Problem, Unavailable
from penstock_mcp.errors import error_shape


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("no run shop/x"), "NOT_FOUND"),
        (Forbidden("you may not"), "FORBIDDEN"),
        (Conflict("somebody wrote"), "CONFLICT"),
        (InvalidInput("bad"), "INVALID_INPUT"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(error: PenstockError, code: str):
    shape = error_shape(error)
    assert shape["status"] == "error"
    assert shape["error"] == code
    assert shape["message"] == str(error)
    assert shape["hint"]


def test_addresses_inside_the_cluster_are_logged_and_not_shown(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        shape = error_shape(Unavailable("the API server https://10.96.0.1 does not answer"))
    assert (shape["error"], shape["status"]) == ("UNAVAILABLE", "error")
    assert "10.96.0.1" not in str(shape)
    assert "later" in shape["hint"]
    assert "10.96.0.1" in caplog.text


def test_an_errors_own_hint_is_kept():
    assert error_shape(Forbidden("no", hint="Ask Ann."))["hint"] == "Ask Ann."


def test_every_problem_is_listed():
    shape = error_shape(InvalidInput("bad", problems=(Problem("a", "is wrong"), Problem("b.c", "is missing"))))
    assert "a: is wrong" in shape["message"]
    assert "b.c: is missing" in shape["message"]


@pytest.mark.parametrize("error", [KeyError("password=hunter2"), BugError("token abc")])
def test_what_is_our_own_fault_is_logged_and_not_shown(error: Exception, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        shape = error_shape(error)
    assert shape["error"] == "BUG"
    assert "hunter2" not in str(shape)
    assert "abc" not in str(shape)
    assert caplog.records


def test_messages_from_elsewhere_are_cleaned_and_bounded():
    shape = error_shape(Forbidden("no\u202e" + "x" * 10_000))
    assert "\u202e" not in shape["message"]
    assert len(shape["message"]) < 4200
