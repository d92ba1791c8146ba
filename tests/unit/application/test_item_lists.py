"""Lists that steps are fanned out over: worked out once."""

from __future__ import annotations

from penstock.application.item_lists import MAX_REMEMBERED, ItemLists
from penstock.engine.commands import Evaluate
from penstock.engine.facts import Value


class Counting:
    """Evaluates by looking the expression up; counts how often."""

    def __init__(self):
        self.asked = 0

    async def evaluate(self, expression, scope, *, template=False):
        self.asked += 1
        return scope[expression]


def a_question(value, step="rows"):
    return Evaluate(step, "forEach", "it", {"it": value})


async def test_a_list_is_worked_out_and_hashed_once_while_its_run_lives():
    evaluator = Counting()
    lists = ItemLists(evaluator)
    first = await lists.answer("run-1", a_question(Value([1, 2.0])))
    assert first.digest == (await lists.answer("run-1", a_question(Value([1, 2])))).digest
    assert evaluator.asked == 1
    lists.forget("run-1")
    assert (await lists.answer("run-1", a_question(Value([1, 2])))).digest == first.digest
    assert evaluator.asked == 2


async def test_runs_and_steps_have_lists_of_their_own():
    lists = ItemLists(Counting())
    values = {
        (await lists.answer(run, a_question(Value([run, step]), step))).digest
        for run in ("run-1", "run-2")
        for step in ("a", "b")
    }
    assert len(values) == 4


async def test_an_error_may_be_gone_the_next_time():
    lists = ItemLists(Counting())
    assert (await lists.answer("run-1", a_question(Value(error="no field")))).error == "no field"
    assert (await lists.answer("run-1", a_question(Value([1])))).value == [1]


async def test_a_list_that_json_cannot_say_is_an_error():
    value = await ItemLists(Counting()).answer("run-1", a_question(Value([float("inf")])))
    assert "JSON cannot say" in value.error


async def test_no_more_lists_are_kept_than_there_is_room_for():
    evaluator = Counting()
    lists = ItemLists(evaluator)
    for number in range(MAX_REMEMBERED + 1):
        await lists.answer(f"run-{number}", a_question(Value([number])))
    await lists.answer(f"run-{MAX_REMEMBERED}", a_question(Value([0])))
    assert evaluator.asked == MAX_REMEMBERED + 1
    await lists.answer("run-0", a_question(Value([0])))
    assert evaluator.asked == MAX_REMEMBERED + 2
