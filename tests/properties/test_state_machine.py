"""Whatever happens, in whatever order: the laws of the engine hold."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.engine.commands import FindCached, StartAttempt
from penstock.engine.decide import decide
from penstock.engine.facts import AttemptFact, AttemptPhase, CachedOutput, Verdict
from penstock.engine.model import AttemptId, Cache, CachedFrom, Failure, OnFailure, Retry, RunState, StepPhase
from tests.support.plans import GATE, NOON, RUN, Story, a_gate, a_plan, a_step, a_wait, seconds

WAITS = ({"duration": seconds(0)}, {"duration": seconds(5)}, {"until": "context.at"})
OF_A_WORKFLOW = replace(RUN, workflow="orders")
PINNED = MappingProxyType({"image": "registry/python@sha256:aa"})


@st.composite
def plans(draw):
    count = draw(st.integers(1, 6))
    steps = []
    for number in range(count):
        final = number >= count - 1 and count > 1 and draw(st.booleans())
        earlier = [step.name for step in steps if not step.final]
        needs = [] if final else draw(st.lists(st.sampled_from(earlier), unique=True) if earlier else st.just([]))
        if not final and draw(st.integers(0, 4)) == 0:
            steps.append(a_gate(f"s{number}", *needs))
            continue
        if draw(st.integers(0, 6)) == 0:
            steps.append(a_wait(f"s{number}", *needs, final=final, **draw(st.sampled_from(WAITS))))
            continue
        fields = {
            "final": final,
            "retry": Retry(limit=draw(st.integers(0, 2)), initial=seconds(draw(st.sampled_from([0, 3])))),
            "on_failure": draw(st.sampled_from(OnFailure)),
            "timeout": draw(st.sampled_from([None, seconds(5)])),
        }
        if draw(st.integers(0, 3)) == 0:
            fields["when"] = "context.x"
        if draw(st.integers(0, 4)) == 0:
            fields |= {"gate": replace(GATE, each_attempt=draw(st.booleans())), "program": PINNED}
        if draw(st.integers(0, 2)) == 0:
            fields["cache"] = Cache(seconds(60), draw(st.sampled_from([None, "context.key"])))
        steps.append(a_step(f"s{number}", *needs, **fields))
    return a_plan(*steps, timeout=draw(st.sampled_from([None, seconds(400)])))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["end", "fail", "lose", "run", "vote", "reject", "cancel", "later", "look", "when", "hold"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


def happen(story, event, number):
    """One thing that the world may do."""
    names = list(story.plan.steps)
    name = names[number % len(names)]
    state = story.state.step(name)
    at = AttemptId(name, state.attempt)
    match event:
        case "end" if at in story.attempts:
            ended = story.attempts[at].ended
            story.look() if ended else story.end(name, {"by": name})
        case "fail" if at in story.attempts:
            if not story.attempts[at].ended:
                story.end(name, code="BROKEN")
        case "lose" if state.uid:
            story.attempts.pop(at, None)
        case "run" if at in story.attempts:
            fact = story.attempts[at]
            if not fact.ended:
                story.attempts[at] = replace(fact, phase=AttemptPhase.RUNNING)
        case "vote" if state.gate:
            story.vote(name, ["alice", "bob", "mallory"][number % 3])
        case "reject" if state.gate:
            story.vote(name, "dan", Verdict.REJECT)
        case "cancel" if number == 0:
            story.cancel()
        case "hold":
            story.suspend(not story.suspended)
        case "later":
            story.later(seconds([1, 3, 10, 200, 400, 90_000][number]))
        case "when":
            story.values[name, "when"] = story.values.get((name, "when")) or _truth(number)
    answer(story)
    story.look()


def answer(story):
    """Evaluate what the engine asks, so that it can go on."""
    for _ in range(30):
        questions = decide(story.plan, story.state, story.facts, story.now).questions
        for question in questions:
            if isinstance(question, FindCached):
                story.cached[question.digest] = _earlier_output(question.digest)
                continue
            story.values[question.step, question.field] = _answer(question)
        if not questions:
            return


def _earlier_output(digest):
    """For some digests there is one, always the same."""
    return CachedOutput(CachedFrom("order-0", NOON), {"by": "order-0"}) if int(digest[-1], 16) % 2 else None


def _truth(number):
    from penstock.engine.facts import Value

    return Value(number % 3 != 0)


def _answer(question):
    from penstock.engine.facts import Value

    return Value("2026-01-02T12:00:10Z") if question.field == "wait.until" else _truth(len(question.step))


@given(plans(), EVENTS)
@settings(max_examples=300)
def test_the_laws_hold_whatever_happens(plan, events):
    story = Story(plan, run=OF_A_WORKFLOW)
    answer(story)
    story.look()
    for event, number in events:
        before, started = story.state, list(story.started)
        happen(story, event, number)
        after = story.state
        _check_finished_stay(before, after)
        for at in story.started[len(started) :]:
            _check_start(story, before, at)
    _check_cached(story)


def _check_cached(story):
    """What took an earlier output has no attempt, no gate, and may take one."""
    for name, state in story.state.steps.items():
        if state.cached is not None:
            assert state.phase is StepPhase.SUCCEEDED
            assert (state.attempt, state.uid, state.output) == (0, None, {"by": "order-0"})
            assert name not in {at.step for at in story.started}
            assert story.plan.steps[name].cache is not None
            assert story.plan.steps[name].gate is None


def _check_finished_stay(before, after):
    if before.phase.finished:
        assert after == before
    for name, step in before.steps.items():
        if step.phase.finished:
            assert after.step(name) == step


def _check_start(story, before, at):
    name, attempt, _ = at
    step = story.plan.steps[name]
    assert not story.suspended or story.state.stopping is not None
    # One attempt, one start: a second request for it is only made while nobody has seen it.
    assert story.started.count(at) == 1
    assert attempt == story.state.step(name).attempt <= step.retry.limit + 1
    for need in step.needs:
        phase = story.state.step(need).phase
        assert phase in (StepPhase.SUCCEEDED, StepPhase.SKIPPED, StepPhase.FAILED)
        assert phase is not StepPhase.FAILED or story.plan.steps[need].on_failure is OnFailure.CONTINUE
    if not step.final:
        assert not story.cancelled
        assert before.stopping is None
    else:
        assert all(story.state.step(other.name).phase.finished for other in story.plan.main)
    if step.gate is not None:
        gate = story.state.step(name).gate
        votes = story.gates[gate.name].decisions
        approved = {vote.by for vote in votes if vote.verdict is Verdict.APPROVE and vote.digest == gate.digest}
        assert approved & {"alice", "dan"}


@given(plans(), EVENTS)
@settings(max_examples=150)
def test_the_same_facts_give_the_same_decision_and_deciding_again_changes_nothing(plan, events):
    story = Story(plan, run=OF_A_WORKFLOW)
    answer(story)
    story.look()
    for event, number in events:
        happen(story, event, number)
    once = decide(plan, story.state, story.facts, story.now)
    again = decide(plan, story.state, story.facts, story.now)
    assert once == again
    if not once.questions:
        assert decide(plan, once.state, story.facts, story.now).state == once.state


@given(plans())
@settings(max_examples=150)
def test_a_run_whose_attempts_all_end_and_whose_gates_are_opened_comes_to_its_end(plan):
    story = Story(plan, run=OF_A_WORKFLOW)
    for _ in range(200):
        answer(story)
        story.look()
        if story.state.phase.finished:
            break
        for name, state in story.state.steps.items():
            if state.phase.alive:
                story.attempts[AttemptId(name, state.attempt)] = AttemptFact(AttemptPhase.SUCCEEDED, state.digest, "u")
            if state.phase is StepPhase.WAITING and state.gate is not None:
                story.vote(name, "alice")
        story.now += seconds(1)
    assert story.state.phase.finished


@given(plans(), EVENTS)
@settings(max_examples=100)
def test_a_crash_before_anything_was_carried_out_starts_the_same_attempts(plan, events):
    """Commands of a written state come again, under the same names, until their effect is seen."""
    story = Story(plan, run=OF_A_WORKFLOW)
    answer(story)
    story.look()
    for event, number in events:
        happen(story, event, number)
    if story.state.phase.finished:
        return
    wanted = {
        (AttemptId(name, state.attempt), state.digest)
        for name, state in story.state.steps.items()
        if state.phase is StepPhase.STARTING and state.uid is None
    }
    story.attempts.clear()
    answer(story)
    decided = decide(plan, story.state, story.facts, story.now)
    asked = {(c.id, c.digest) for c in decided.commands if isinstance(c, StartAttempt)}
    still = {entry for entry in wanted if decided.state.step(entry[0].step).phase is StepPhase.STARTING}
    assert still <= asked


def test_an_untouched_state_is_pending():
    assert RunState().step("anything").phase is StepPhase.PENDING
    assert Failure("A", "b").step is None
