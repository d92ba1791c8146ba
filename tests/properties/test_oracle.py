"""Any run ends as a simple computation foresees it: every step, every request, every time, to the second.

Where two things in one second could be taken in either order, no two such things happen in one second: programs,
people and waits take whole seconds, a hold begins and ends at an eighth, a cancel comes at a quarter, the end of the
run's time at a half.
"""

from __future__ import annotations

from types import MappingProxyType

from hypothesis import event, given, settings
from hypothesis import strategies as st

from penstock.engine.model import Cache, Gate, OnFailure, Plan, Retry, StepKind, StepPlan, Wait
from tests.support.fates import Attempt, Ending, Fate, Fates, Vote
from tests.support.oracle import RunEnd, StepEnd, foresee
from tests.support.plans import a_plan, seconds
from tests.support.simulated_world import SimulatedWorld

EXAMPLES = 250
"""Unless the profile wants more: `make properties-deep`."""

KINDS = st.sampled_from([*[StepKind.SCRIPT] * 6, *[StepKind.CONTAINER] * 3, StepKind.APPROVAL, StepKind.WAIT])
ATTEMPTS = {
    # A world where each program has its trouble lets hardly any run come far.
    trouble: st.builds(Attempt, st.integers(1, 12), st.sampled_from([*[Ending.GOOD] * good, Ending.BAD, *Ending]))
    for trouble, good in {"much": 8, "some": 60, "hardly any": 1_000}.items()
}
WHENS = st.sampled_from([*["none"] * 30, True, True, False, False, None])
VOTES = st.lists(
    st.builds(
        Vote,
        st.integers(1, 20),
        st.sampled_from(["alice", "dan", "bob", "mallory"]),
        st.sampled_from([*["approve"] * 7, "reject"]),
    ),
    max_size=3,
    unique_by=lambda vote: vote.by,
).map(tuple)
GATES = st.builds(
    Gate,
    users=st.just(("alice", "dan")),
    quorum=st.sampled_from([1, 1, 1, 2]),
    expires_after=st.integers(5, 40).map(seconds),
    each_attempt=st.booleans(),
)
RETRIES = st.builds(
    Retry,
    limit=st.sampled_from([0, 0, 0, 1, 2]),
    initial=st.integers(0, 4).map(seconds),
    factor=st.sampled_from([1.0, 2.0, 3.0]),
    maximum=st.sampled_from([seconds(5), seconds(300)]),
)
TIMEOUTS = st.sampled_from([None, seconds(3), seconds(8)])
FAILURES = st.sampled_from([OnFailure.FAIL, OnFailure.FAIL, OnFailure.CONTINUE])
WAITS = st.one_of(st.integers(0, 9).map(lambda count: Wait(duration=seconds(count))), st.just(Wait(until="context.at")))
RUN_TIMEOUTS = st.none() | st.none() | st.integers(0, 99).map(lambda count: seconds(count + 0.5))
CANCELS = st.none() | st.none() | st.just(0.0) | st.integers(0, 99).map(lambda count: count + 0.25)
HOLDS = st.none() | st.tuples(st.integers(0, 30), st.integers(1, 30)).map(
    lambda span: (span[0] + 0.125, sum(span) + 0.125)
)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Plan, Fates]:
    """A plan, and all that will happen to a run of it."""
    count = draw(st.integers(1, 30))
    first_final = count - min(count - 1, draw(st.sampled_from([0, 0, 1, 2, 4])))
    trouble = draw(st.sampled_from(list(ATTEMPTS)))
    steps: list[StepPlan] = []
    fates: dict[str, Fate] = {}
    for number in range(count):
        final = number >= first_final
        earlier = [step.name for step in steps if step.final is final]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        step, fate = draw(lives(f"s{number}", tuple(needs), final, ATTEMPTS[trouble]))
        steps.append(step)
        fates[step.name] = fate
    return (
        a_plan(*steps, timeout=draw(RUN_TIMEOUTS)),
        Fates(
            MappingProxyType(fates),
            cancel_at=draw(CANCELS),
            hold=draw(HOLDS),
        ),
    )


@st.composite
def lives(
    draw: st.DrawFn, name: str, needs: tuple[str, ...], final: bool, attempt: st.SearchStrategy[Attempt]
) -> tuple[StepPlan, Fate]:
    """A step and its fate."""
    kind, when, on_failure = draw(KINDS), draw(WHENS), draw(FAILURES)
    step = StepPlan(
        name,
        kind,
        needs=needs,
        final=final,
        when=None if when == "none" else "context.x",
        on_failure=on_failure,
        wait=draw(WAITS) if kind is StepKind.WAIT else None,
        gate=draw(GATES) if kind is StepKind.APPROVAL or (kind.has_program and draw(st.integers(0, 4)) == 0) else None,
        retry=draw(RETRIES) if kind.has_program else Retry(),
        timeout=draw(TIMEOUTS) if kind.has_program else None,
        cache=Cache(seconds(60)) if kind.has_program and not final and draw(st.integers(0, 4)) == 0 else None,
        program=MappingProxyType({"image": "shop/tool@sha256:aa"} if kind.has_program else {}),
    )
    rounds = step.retry.limit + 1
    attempts = draw(st.tuples(*[attempt] * rounds)) if kind.has_program else ()
    if step.timeout is None:
        # Nothing would ever end such an attempt.
        attempts = tuple(
            each if each.ending is not Ending.SILENT else Attempt(each.seconds, Ending.BAD) for each in attempts
        )
    votes = draw(st.tuples(*[VOTES] * rounds)) if step.gate is not None else ()
    until = draw(st.integers(0, 40)) if kind is StepKind.WAIT else 0
    return step, Fate(attempts, None if when == "none" else when, until, votes, cached=draw(st.booleans()))


def as_it_ended(world: SimulatedWorld) -> RunEnd:
    """What the engine made of the run, in the words of the oracle."""
    state, seconds_at = world.story.state, world.seconds
    steps = {}
    for name, step in state.steps.items():
        program = world.story.plan.steps[name].kind.has_program
        steps[name] = StepEnd(
            str(step.phase),
            seconds_at(step.finished_at),
            step.failure.code if step.failure and str(step.phase) in ("Failed", "Skipped") else None,
            step.attempt,
            step.output if program else None,
            world.outcomes(name),
        )
    failure = state.failure
    return RunEnd(
        str(state.phase),
        seconds_at(state.finished_at),
        failure.code if failure else None,
        failure.step if failure else None,
        state.output,
        steps,
    )


@given(runs())
@settings(max_examples=max(EXAMPLES, settings().max_examples), deadline=None)
def test_a_run_ends_as_foreseen(run: tuple[Plan, Fates]) -> None:
    plan, fates = run
    foreseen = foresee(plan, fates)
    event(foreseen.phase)
    world = SimulatedWorld(plan, fates)
    world.run()
    assert as_it_ended(world) == foreseen
