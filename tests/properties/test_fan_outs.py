"""Fanned-out steps, whatever happens to their pods: each item runs as it should, and no result is lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.api.v1alpha1.codec import run_state, run_status
from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.engine.commands import StartAttempt
from penstock.engine.decide import Change, change, decide
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.fan_out import FanOut, ItemsState
from penstock.engine.model import AttemptId, Failure, Retry
from tests.support.plans import Story, a_plan, a_step, seconds

fan_outs = st.builds(
    FanOut,
    over=st.just("context.rows"),
    max_parallel=st.integers(1, 4),
    items_per_pod=st.integers(1, 5),
    tolerated=st.integers(0, 100),
    in_percent=st.booleans(),
    fail_fast=st.booleans(),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["end", "die", "lose", "run", "cancel", "later", "restart", "crash", "look"]),
        st.integers(0, 7),
        st.lists(st.sampled_from(["good", "good", "bad", "hopeless", "silent"]), min_size=5, max_size=5),
    ),
    max_size=40,
)


class Pods(Story):
    """A story that knows what each attempt was given, and keeps every law at each turn."""

    def __init__(self, plan, count):
        super().__init__(plan)
        self.given: dict[AttemptId, list[int]] = {}
        self.asked: dict[AttemptId, str] = {}
        self.said: dict[int, int] = {}
        self.tried: dict[int, int] = {}
        self.strange = False
        """Something befell attempts that no item of theirs had a part in."""
        self.look()
        self.fan_out("rows", list(range(100, 100 + count)))

    @property
    def items(self) -> ItemsState:
        items = self.state.step("rows").items
        assert items is not None
        return items

    def look(self):
        before = self.state
        decided = super().look()
        if not decided.questions:
            self._check(before, decided)
        return decided

    def _check(self, before, decided):
        items = self.items
        starts = [each for each in decided.commands if isinstance(each, StartAttempt) and each.id.step == "rows"]
        for start in starts:
            chosen = [each["index"] for each in start.document["items"]]
            assert [each["value"] for each in start.document["items"]] == [100 + index for index in chosen]
            assert not any(index in items.ended for index in chosen), "an item that ended is not run again"
            assert self.asked.setdefault(start.id, start.digest) == start.digest, "one name, one content"
            assert self.given.setdefault(start.id, chosen) == chosen
        fan_out = self.plan.steps["rows"].fan_out
        assert sum(batch.phase.alive for batch in items.active.values()) <= fan_out.max_parallel
        assert not items.succeeded & items.failed
        limit = self.plan.steps["rows"].retry.limit
        for batch in items.active.values():
            assert batch.attempt <= (limit + 1) * fan_out.items_per_pod, "each attempt but the last cost an item a try"
        for each in items.failures:
            if each.failure.code in ("BROKEN", "LOST", "OUT_OF_MEMORY") and not self.strange:
                assert self.tried[each.index] == limit + 1, "every item is tried so often, and no more"
        old = before.step("rows").items
        if old is not None:
            assert not old.succeeded - items.succeeded, "no result is lost"
            assert not old.failed - items.failed
            assert old.next_batch <= items.next_batch

    def ends(self, number, words, *, died):
        """The newest attempt of a batch that lives ends; `words` are what its items say."""
        living = [at for at, fact in self.attempts.items() if not fact.ended and self._is_newest(at)]
        if not living:
            return
        at = living[number % len(living)]
        words = [*words[: words.index("silent")], "silent"] if "silent" in words else words
        results = [
            self._result(index, word) for index, word in zip(self.given[at], words, strict=False) if word != "silent"
        ]
        self.said.update({each.index: each.output for each in results if each.failure is None})
        # Without a word: the one that was running when its pod died, or any of those that come after.
        silent = self.given[at][len(results) :][: 1 if died else None]
        for index in [*silent, *(each.index for each in results if each.failure is not None)]:
            self.tried[index] = self.tried.get(index, 0) + 1
        failure = Failure("OUT_OF_MEMORY", "too much") if died else None
        begun = len(results) + 1 if died else None
        phase = AttemptPhase.FAILED if died else AttemptPhase.SUCCEEDED
        digest = self.attempts[at].digest
        self.attempts[at] = AttemptFact(phase, digest, "uid", failure=failure, items=tuple(results), items_begun=begun)
        self.look()

    def _is_newest(self, at):
        batch = self.items.active.get(at.batch)
        return batch is not None and batch.phase.alive and batch.attempt == at.attempt

    def _result(self, index, word):
        if word == "good":
            return ItemResult(index, output=index * 7)
        return ItemResult(index, failure=Failure("OUTPUT_TOO_LARGE" if word == "hopeless" else "BROKEN", "it broke"))

    def happen(self, event, number, words):
        match event:
            case "end" | "die":
                self.ends(number, words, died=event == "die")
            case "lose" if self.attempts:
                self.strange = True
                self.attempts.pop(list(self.attempts)[number % len(self.attempts)])
                self.look()
            case "run" if self.attempts:
                at = list(self.attempts)[number % len(self.attempts)]
                if not self.attempts[at].ended:
                    self.attempts[at] = replace(self.attempts[at], phase=AttemptPhase.RUNNING)
                self.look()
            case "cancel" if number == 0:
                self.cancel()
            case "later":
                self.strange = True  # a deadline may have passed
                self.later(seconds([1, 3, 10, 100, 400, 4000, 1, 1][number]))
            case "restart":
                # What the API server keeps is all that is left, and nothing is lost by it.
                status = run_status(self.state, self.plan, None)
                stored = WorkflowRunStatus.model_validate_json(status.model_dump_json(by_alias=True))
                assert run_state(stored) == self.state
                self.state = run_state(stored)
                self.look()
            case "crash":
                # Written down, and nothing of it was carried out.
                for at in [at for at in self.attempts if self._is_newest(at) and not self.items.active[at.batch].uid]:
                    del self.attempts[at]
                self.look()
            case _:
                self.look()


@st.composite
def stories(draw):
    retry = Retry(limit=draw(st.integers(0, 2)), initial=seconds(draw(st.sampled_from([0, 3]))))
    timeout = draw(st.sampled_from([None, seconds(5)]))
    step = a_step("rows", fan_out=draw(fan_outs), retry=retry, timeout=timeout)
    return Pods(a_plan(step, a_step("after", "rows")), draw(st.integers(0, 17)))


@given(stories(), EVENTS)
@settings(max_examples=300, deadline=None)
def test_the_laws_hold_whatever_happens(story, events):
    for event in events:
        before = story.state.step("rows")
        story.happen(*event)
        if before.phase.finished:
            after = story.state.step("rows")
            assert replace(after, items=None) == replace(before, items=None)


@given(stories(), EVENTS)
@settings(max_examples=300, deadline=None)
def test_a_fan_out_comes_to_its_end_and_says_of_each_item_what_became_of_it(story, events):
    for event in events:
        story.happen(*event)
    for _ in range(200):
        if story.state.step("rows").phase.finished:
            break
        story.ends(0, ["good"] * 5, died=False)
        story.later(seconds(1))
    step, items = story.state.step("rows"), story.items
    fan_out = story.plan.steps["rows"].fan_out
    assert step.phase.finished
    assert items.active == {}
    if step.phase == "Succeeded":
        assert len(items.ended) == items.total == len(step.output)
        assert len(items.failed) <= fan_out.allowed(items.total)
        for index, output in enumerate(step.output):
            assert output == (story.said[index] if index in items.succeeded else None)
    elif step.phase == "Failed":
        assert step.failure.code == "ITEMS_FAILED"
        assert len(items.failed) > fan_out.allowed(items.total)
        assert fan_out.fail_fast or len(items.ended) == items.total


@given(stories(), EVENTS)
@settings(max_examples=150, deadline=None)
def test_deciding_again_changes_nothing(story, events):
    for event in events:
        story.happen(*event)
    once = decide(story.plan, story.state, story.facts, story.now)
    assert once == decide(story.plan, story.state, story.facts, story.now)
    if not once.questions:
        again = decide(story.plan, once.state, story.facts, story.now)
        assert change(once.state, again.state) is Change.NONE
