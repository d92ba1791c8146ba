"""A step's log in pages: its end first, then what is new, through retries."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.application.log_page import LogPage, log_page
from penstock.application.read_step_log import StepLog
from penstock.engine.commands import StartAttempt
from penstock.engine.model import AttemptId
from penstock.errors import InvalidInput, NotFound
from penstock.ports.access import Key
from penstock.ports.logs import LogCursor
from penstock.testing.builders import a_run, a_workflow
from penstock.testing.memory_runner import succeeded
from penstock.testing.memory_world import MemoryWorld


class Story:
    """One run whose step `charge` prints."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.access = self.world.access("bob")

    async def begin(self) -> Story:
        await self.access.workflows.apply(a_workflow())
        self.run = await self.access.runs.create(a_run())
        return self

    async def start(self, number: int) -> None:
        await self.says("Running", number)
        command = StartAttempt(AttemptId("charge", number), f"charge-{number}", "sha256:1", {}, {})
        await self.world.runner.start(self.run, command)

    async def says(self, phase: str, number: int, run: str = "Running") -> None:
        stored = await self.access.runs.get(Key("default", self.run.metadata.name))
        status = {"phase": run, "steps": {"charge": {"phase": phase, "attempt": number}, "gate": {"phase": "Pending"}}}
        await self.world.ledger.save_status(stored, WorkflowRunStatus.model_validate(status))

    def prints(self, text: bytes) -> None:
        self.world.runner.say(self.run, "charge", text)

    def ends(self) -> None:
        self.world.runner.end(self.run, "charge", succeeded())

    async def page(self, after: LogCursor | None = None, max_bytes: int = 100, **wanted: Any) -> LogPage:
        run: WorkflowRun = self.run
        return await log_page(self.access, run, StepLog("charge", after=after, **wanted), max_bytes)


@pytest.fixture
async def story() -> Story:
    return await Story().begin()


async def test_the_first_page_is_the_end_and_says_what_it_leaves_out(story: Story):
    await story.start(1)
    story.prints(b"0123456789")

    page = await story.page(max_bytes=4)

    assert (page.data, page.skipped, page.gone) == (b"6789", 6, False)
    assert str(page.cursor) == "1:10"


async def test_the_next_pages_are_what_is_new_and_none_is_left_out(story: Story):
    await story.start(1)
    story.prints(b"one ")
    first = await story.page()
    story.prints(b"two three")

    second = await story.page(first.cursor, max_bytes=4)
    third = await story.page(second.cursor)

    assert (second.data, third.data) == (b"two ", b"three")
    assert (second.skipped, third.skipped) == (0, 0)
    assert (await story.page(third.cursor)).data == b""


async def test_a_page_goes_on_with_the_next_attempt_after_the_rest_of_the_last(story: Story):
    await story.start(1)
    story.prints(b"first ")
    page = await story.page()
    story.prints(b"fails")
    story.ends()
    await story.start(2)
    story.prints(b"again")

    rest = await story.page(page.cursor)
    following = await story.page(rest.cursor)

    assert (rest.data, rest.cursor.attempt) == (b"fails", 1)
    assert (following.data, following.cursor.attempt, following.skipped) == (b"again", 2, 0)


async def test_a_page_is_complete_when_nothing_can_follow_it(story: Story):
    await story.start(1)
    story.prints(b"one two")
    assert not (await story.page()).complete
    story.ends()
    await story.says("Succeeded", 1, run="Succeeded")

    assert not (await story.page(LogCursor(1), max_bytes=3)).complete
    assert (await story.page(LogCursor(1))).complete
    assert (await story.page()).complete


async def test_a_step_that_may_be_tried_again_is_not_over(story: Story):
    await story.start(1)
    story.ends()
    await story.says("Backoff", 1)

    assert not (await story.page()).complete
    assert (await story.page(attempt=1)).complete


async def test_an_attempt_can_be_named(story: Story):
    for number, text in ((1, b"first"), (2, b"second")):
        await story.start(number)
        story.prints(text)
        story.ends()

    assert (await story.page(attempt=1)).data == b"first"
    assert (await story.page()).data == b"second"
    with pytest.raises(NotFound, match="no attempt 3; its newest is 2"):
        await story.page(attempt=3)


async def test_what_is_not_there_is_said(story: Story):
    await story.says("Pending", 0)
    with pytest.raises(NotFound, match="has no attempt"):
        await story.page()
    with pytest.raises(NotFound) as error:
        await log_page(story.access, story.run, StepLog("chrage"), 10)
    assert "charge, gate" in error.value.hint


@pytest.mark.parametrize("text", ["", "1", "x:1", "1:-1", "1:2@zz", "1:2 "])
def test_what_is_no_cursor_is_refused(text: str):
    with pytest.raises(InvalidInput, match="not a cursor"):
        LogCursor.parse(text)


@pytest.mark.parametrize("text", ["1:0", "12-3:456", "1:2@0123abcd"])
def test_a_cursor_is_read_as_it_was_written(text: str):
    assert str(LogCursor.parse(text)) == text
