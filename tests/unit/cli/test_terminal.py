"""A real terminal pair: what is typed, when, and what is painted."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from penstock.cli.terminal import Terminal, painted


@dataclass
class Desk:
    terminal: Terminal
    keyboard: int


@pytest.fixture
def desk() -> Iterator[Desk]:
    keyboard, line = pty.openpty()
    with os.fdopen(line, encoding="utf-8") as text, os.fdopen(os.dup(line), "w", encoding="utf-8") as out:
        yield Desk(Terminal(text, out, out, lambda: True), keyboard)
    os.close(keyboard)


async def test_what_the_person_types_is_the_answer(desk: Desk):
    typing = asyncio.create_task(desk.terminal.ask("? "))
    await asyncio.sleep(0)
    os.write(desk.keyboard, "yes, größe\n".encode())
    assert await asyncio.wait_for(typing, 10) == "yes, größe"


async def test_what_was_typed_before_the_question_is_thrown_away(desk: Desk):
    os.write(desk.keyboard, b"y\n")
    typing = asyncio.create_task(desk.terminal.ask("? "))
    await asyncio.sleep(0)
    os.write(desk.keyboard, b"n\n")
    assert await asyncio.wait_for(typing, 10) == "n"


async def test_the_end_of_input_is_no_answer(desk: Desk):
    typing = asyncio.create_task(desk.terminal.ask("? "))
    await asyncio.sleep(0)
    os.write(desk.keyboard, b"\x04")
    assert await asyncio.wait_for(typing, 10) is None


async def test_a_question_can_be_taken_back(desk: Desk):
    typing = asyncio.create_task(desk.terminal.ask("? "))
    await asyncio.sleep(0)
    typing.cancel()
    await asyncio.gather(typing, return_exceptions=True)
    again = asyncio.create_task(desk.terminal.ask("? "))
    await asyncio.sleep(0)
    os.write(desk.keyboard, b"later\n")
    assert await asyncio.wait_for(again, 10) == "later"


def test_colours_are_only_used_where_they_are_wanted():
    assert painted("x", "red", colour=True) == "\x1b[31mx\x1b[0m"
    assert painted("x", "red", colour=False) == "x"
    assert painted("x", "", colour=True) == "x"
