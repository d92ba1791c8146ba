"""Contents of Workflows go when nobody has named them for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from penstock.api.v1alpha1.run import WorkflowReference, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Workflow, WorkflowStatus
from penstock.application.old_revisions import GRACE, OldRevisions
from penstock.errors import Unavailable
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.memory_world import MemoryWorld

ORDER = Key("default", "order")
SECOND = timedelta(seconds=1)


class Store:
    """Revisions by Workflow."""

    def __init__(self) -> None:
        self.kept: dict[Key, list[str]] = {}
        self.broken: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    async def names(self, workflow: Key) -> tuple[str, ...]:
        return tuple(self.kept.get(workflow, ()))

    async def drop(self, revision: Key, still: Callable[[], bool]) -> None:
        if revision.name in self.broken:
            raise Unavailable("away")
        self.meanwhile()
        if still():
            for names in self.kept.values():
                if revision.name in names:
                    names.remove(revision.name)


class Shop:
    """One Workflow that is edited again and again."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.store = Store()
        self.woken: list[Key] = []
        self.old = OldRevisions(self.store, self.world.schedules, self.world.clock, self._rest)
        self.old.subscribe(self.woken.append)

    async def _rest(self) -> None:
        pass

    async def edit(self, source: str) -> str:
        """Name of the revision that the Workflow has then, stored and said."""
        workflow = await self.world.access("bob").workflows.apply(a_workflow(a_step(source=source)))
        revision = (await self.world.revisions.current(ORDER)).revision
        kept = self.store.kept.setdefault(ORDER, [])
        if revision.name not in kept:
            kept.append(revision.name)
        said = await self.world.schedules.save_status(workflow, WorkflowStatus(revision=revision))
        self.old.notice_workflow(said)
        return revision.name

    async def run(self, name: str, asked_for: str | None = None):
        run = await self.world.access("bob").runs.create(a_run(name=name))
        if asked_for:
            reference = WorkflowReference(name="order", revision=asked_for)
            run = run.model_copy(update={"spec": run.spec.model_copy(update={"workflow": reference})})
        else:
            revision = (await self.world.revisions.current(ORDER)).revision
            run = run.model_copy(update={"status": WorkflowRunStatus(phase="Running", revision=revision)})
        self.old.notice(run)
        return run

    async def look(self, after: timedelta = timedelta(0)):
        self.world.clock.advance(after)
        return await self.old.look(ORDER)

    @property
    def left(self) -> list[str]:
        return self.store.kept[ORDER]


async def test_what_nobody_names_goes_after_a_while_and_not_at_once():
    shop = Shop()
    first, second = await shop.edit("echo 1"), await shop.edit("echo 2")
    assert shop.woken == [ORDER]
    assert await shop.look() == shop.world.clock.now() + GRACE
    await shop.look(GRACE - SECOND)
    assert shop.left == [first, second]
    assert await shop.look(SECOND) is None
    assert shop.left == [second]


async def test_what_a_run_names_stays_as_long_as_the_run():
    shop = Shop()
    first = await shop.edit("echo 1")
    runs = [await shop.run("a"), await shop.run("b", asked_for=first)]
    second = await shop.edit("echo 2")
    for run in runs:
        assert await shop.look(timedelta(days=1)) is None
        assert shop.left == [first, second]
        shop.woken.clear()
        shop.old.gone(run)
    assert shop.woken == [ORDER]
    await shop.look()
    await shop.look(GRACE)
    assert shop.left == [second]


async def test_runs_of_the_current_content_come_and_go_unnoticed():
    shop = Shop()
    await shop.edit("echo 1")
    shop.old.gone(await shop.run("a"))
    assert shop.woken == []


async def test_what_was_named_meanwhile_begins_anew():
    shop = Shop()
    first = await shop.edit("echo 1")
    await shop.edit("echo 2")
    await shop.look()
    await shop.edit("echo 1")
    second = await shop.edit("echo 2")
    await shop.look(GRACE)
    assert shop.left == [first, second]
    await shop.look(GRACE)
    assert shop.left == [second]


@pytest.mark.parametrize("by", ["a run", "the Workflow"])
async def test_what_is_named_in_the_last_moment_stays(by):
    shop = Shop()
    first = await shop.edit("echo 1")
    run = await shop.run("a")
    shop.old.gone(run)
    said = shop.world.workflows.get(ORDER)
    await shop.edit("echo 2")
    await shop.look()
    shop.store.meanwhile = lambda: shop.old.notice(run) if by == "a run" else shop.old.notice_workflow(said)
    await shop.look(GRACE)
    assert first in shop.left


async def test_of_a_workflow_that_is_gone_everything_goes_that_no_run_names():
    shop = Shop()
    await shop.edit("echo 1")
    second = await shop.edit("echo 2")
    run = await shop.run("a")
    shop.world.workflows.remove(ORDER)
    shop.woken.clear()
    shop.old.workflow_gone(ORDER)
    assert shop.woken == [ORDER]
    await shop.look()
    await shop.look(GRACE)
    assert shop.left == [second]
    shop.old.gone(run)
    await shop.look()
    await shop.look(GRACE)
    assert shop.left == []


async def test_one_that_cannot_be_removed_does_not_stop_the_rest():
    shop = Shop()
    first, _, third = await shop.edit("echo 1"), await shop.edit("echo 2"), await shop.edit("echo 3")
    shop.store.broken.add(first)
    await shop.look()
    with pytest.raises(Unavailable):
        await shop.look(GRACE)
    await shop.look()
    assert shop.left == [first, third]
    shop.store.broken.clear()
    await shop.look(GRACE)
    assert shop.left == [third]


async def test_whoever_takes_over_looks_only_where_something_may_be_left():
    shop = Shop()
    first = await shop.edit("echo 1")
    shop.woken.clear()
    shop.old.survey([(ORDER, first)])
    assert shop.woken == []
    shop.old.survey([(ORDER, "order-older"), (Key("default", "gone"), "gone-1")])
    assert shop.woken == [ORDER, Key("default", "gone")]


async def test_a_workflow_whose_status_alone_changes_wakes_nobody():
    shop = Shop()
    await shop.edit("echo 1")
    said: Workflow = shop.world.workflows.get(ORDER)
    shop.old.notice_workflow(said.model_copy(update={"status": said.status.model_copy(update={"conditions": ()})}))
    assert shop.woken == []
