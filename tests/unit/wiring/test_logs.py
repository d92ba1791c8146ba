"""What a line of the log of a process in a cluster holds."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from structlog.contextvars import bound_contextvars

from penstock.wiring.logs import log_to


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_line_says_what_happened_to_which_run_and_step():
    stream = io.StringIO()
    log_to(stream, "info")
    with bound_contextvars(run="shop/order-1", step="charge"):
        logging.getLogger("penstock.x").warning("the log of %s cannot be read", "pod-é")
    logging.getLogger("penstock.x").debug("too much")

    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "event": "the log of pod-é cannot be read",
        "level": "warning",
        "logger": "penstock.x",
        "run": "shop/order-1",
        "step": "charge",
    }


def test_an_exception_is_one_line_too():
    stream = io.StringIO()
    log_to(stream, "info")
    try:
        int("no")
    except ValueError:
        logging.getLogger().exception("broke")

    assert "ValueError: invalid literal" in json.loads(stream.getvalue())["exception"]


def test_on_a_terminal_it_is_text():
    stream = Terminal()
    log_to(stream, "info")
    logging.getLogger("penstock").info("it begins")

    assert "it begins" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
