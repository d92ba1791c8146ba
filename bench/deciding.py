"""How long one decision takes on a run of 200 steps: an attempt has ended, and the step after it starts. Pure."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from penstock.engine.decide import decide
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.model import AttemptId
from tests.support.plans import NOON, Story, a_plan, a_step

_CHAINS, _LENGTH = 10, 20


def milliseconds(count: int = 50) -> float:
    """Median of the processor's time for the most ordinary pass of a run of ten chains, half way through."""
    story = _half_way()
    step = story.state.step(_name(0, _LENGTH // 2))
    end = AttemptFact(AttemptPhase.SUCCEEDED, step.digest or "", "uid", output={"answer": 42})
    attempts = {**story.attempts, AttemptId(_name(0, _LENGTH // 2), step.attempt): end}
    facts = replace(story.facts, attempts=MappingProxyType(attempts))
    taken = []
    for _ in range(count):
        begun = time.process_time()
        decide(story.plan, story.state, facts, NOON)
        taken.append(time.process_time() - begun)
    return round(statistics.median(taken) * 1000, 2)


def _half_way() -> Story:
    places = [(chain, place) for place in range(_LENGTH) for chain in range(_CHAINS)]
    steps = [
        a_step(_name(chain, place), *([_name(chain, place - 1)] if place else []), timeout=timedelta(minutes=5))
        for chain, place in places
    ]
    story = Story(a_plan(*steps))
    story.look()
    for chain, place in places[: len(places) // 2]:
        story.end(_name(chain, place), {"answer": 42})
    return story


def _name(chain: int, place: int) -> str:
    return f"chain{chain}_{place}"
