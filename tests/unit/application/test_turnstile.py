"""Turns: one line for each key, first come first served, nothing lost with the process that granted them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.application.turnstile import Turnstile
from penstock.testing.builders import a_run, a_spec
from penstock.testing.clock import NOON


def order(number: int, *, workflow: str = "order", **status) -> WorkflowRun:
    """Run number `number`, created that many seconds after noon."""
    run = a_run(workflow, name=f"{workflow}-{number}")
    created = NOON + timedelta(seconds=number)
    metadata = run.metadata.model_copy(update={"uid": f"uid-{workflow}-{number}", "creation_timestamp": created})
    return run.model_copy(update={"metadata": metadata, "status": WorkflowRunStatus(**status)})


def under_way(run: WorkflowRun, key: str = "order") -> WorkflowRun:
    return run.model_copy(update={"status": WorkflowRunStatus(phase="Running", concurrency_key=key)})


def ended(run: WorkflowRun) -> WorkflowRun:
    status = run.status.model_copy(update={"phase": "Succeeded"})
    return run.model_copy(update={"status": status})


class Door:
    """A turnstile, and the names of those whom it woke."""

    def __init__(self, *runs: WorkflowRun) -> None:
        self.woken: list[str] = []
        self.turns = Turnstile(lambda key: self.woken.append(key.name))
        for run in runs:
            self.turns.notice(run)

    def ask(self, run: WorkflowRun, key: str = "order", limit: int = 1, **more):
        return self.turns.ask(run, key, limit, **more)

    def rewoken(self) -> set[str]:
        """Those that were woken since it was asked last."""
        woken, self.woken = set(self.woken), []
        return woken


FIRST, SECOND, THIRD = order(1), order(2), order(3)


def test_so_many_at_once_and_no_more():
    door = Door(FIRST, SECOND, THIRD)
    granted = [door.ask(run, limit=2).granted for run in (FIRST, SECOND, THIRD)]
    assert granted == [True, True, False]
    turn = door.ask(THIRD, limit=2)
    assert (turn.holders, turn.ahead) == (("order-1", "order-2"), 0)


def test_whoever_has_a_turn_has_it_when_he_asks_again():
    door = Door(FIRST)
    assert door.ask(FIRST).granted
    assert door.ask(FIRST).granted
    assert door.turns.holds(FIRST.metadata.uid)


def test_who_leaves_wakes_the_next():
    door = Door(FIRST, SECOND)
    door.ask(FIRST)
    door.ask(SECOND)
    door.turns.leave(FIRST.metadata.uid)
    assert door.rewoken() == {"order-2"}
    assert door.ask(SECOND).granted


def test_the_order_is_that_of_creation_whoever_asks_first():
    door = Door(FIRST, SECOND, THIRD)
    door.ask(FIRST)
    door.ask(THIRD)
    door.ask(SECOND)
    door.turns.leave(FIRST.metadata.uid)
    assert not door.ask(THIRD).granted
    assert door.ask(SECOND).granted


def test_of_the_same_moment_the_uid_decides():
    twin = order(1, workflow="order")
    metadata = twin.metadata.model_copy(update={"uid": "a", "name": "early"})
    twin = twin.model_copy(update={"metadata": metadata})
    door = Door(FIRST, twin)
    assert not door.ask(FIRST).sure
    assert door.ask(twin).granted
    assert door.rewoken() == {"order-1"}


def test_keys_have_lines_of_their_own_and_so_have_workflows_and_namespaces():
    other = order(4, workflow="report")
    abroad = order(5).model_copy(
        update={"metadata": order(5).metadata.model_copy(update={"namespace": "abroad", "uid": "abroad"})}
    )
    door = Door(FIRST, SECOND, other, abroad)
    assert door.ask(FIRST, "eu").granted
    assert door.ask(SECOND, "us").granted
    assert door.ask(other, "eu").granted
    assert door.ask(abroad, "eu").granted


def test_while_the_key_of_an_older_run_is_unknown_nobody_can_be_sure():
    door = Door(FIRST, SECOND)
    turn = door.ask(SECOND, "eu")
    assert (turn.granted, turn.sure) == (False, False)
    door.rewoken()

    assert door.ask(FIRST, "us").granted

    assert door.rewoken() == {"order-2"}
    assert door.ask(SECOND, "eu").granted


@pytest.mark.parametrize("how", ["it ended", "it has no limit", "it is gone"])
def test_an_older_run_that_needs_no_key_holds_nobody_up(how):
    door = Door(FIRST, SECOND)
    door.ask(SECOND)
    door.rewoken()
    match how:
        case "it ended":
            door.turns.notice(order(1, phase="Failed"))
        case "it has no limit":
            door.turns.notice(order(1, phase="Running"))
        case _:
            door.turns.leave(FIRST.metadata.uid)
    assert door.rewoken() == {"order-2"}
    assert door.ask(SECOND).granted


def test_a_run_that_has_ended_keeps_its_turn_until_nothing_of_it_lives():
    door = Door(FIRST, SECOND)
    door.ask(FIRST)
    door.ask(SECOND)
    door.turns.notice(ended(under_way(FIRST)))
    assert not door.ask(SECOND).granted
    door.turns.leave(FIRST.metadata.uid)
    assert door.ask(SECOND).granted


def test_a_run_that_ends_in_line_is_out_of_it():
    door = Door(FIRST, SECOND, THIRD)
    for run in (FIRST, SECOND, THIRD):
        door.ask(run)
    door.rewoken()
    door.turns.notice(order(2, phase="Cancelled", concurrency_key="order"))
    assert door.ask(THIRD).ahead == 0
    assert door.rewoken() == {"order-3"}


def held(run: WorkflowRun, *, suspend: bool = True) -> WorkflowRun:
    return run.model_copy(update={"spec": run.spec.model_copy(update={"suspend": suspend})})


def test_a_run_that_is_held_lets_the_others_pass_and_has_its_place_again_later():
    door = Door(FIRST, SECOND, THIRD)
    for run in (FIRST, SECOND, THIRD):
        door.ask(run)
    door.turns.notice(held(SECOND))
    assert door.ask(THIRD).ahead == 0
    door.turns.notice(held(SECOND, suspend=False))
    door.ask(SECOND)
    assert door.ask(THIRD).ahead == 1


def test_a_run_that_is_held_while_it_is_under_way_keeps_its_turn():
    door = Door(FIRST, SECOND)
    door.ask(FIRST)
    door.turns.notice(held(under_way(FIRST)))
    assert not door.ask(SECOND).granted


def test_another_process_finds_the_same_turns_in_the_statuses():
    waiting = order(2, concurrency_key="order", waiting_for="its turn")
    after = Door(ended(order(0, concurrency_key="order")), under_way(FIRST), waiting, THIRD)
    assert after.ask(THIRD).ahead == 1
    assert after.ask(waiting).holders == ("order-1",)
    assert after.ask(under_way(FIRST)).granted
    after.turns.leave(FIRST.metadata.uid)
    assert not after.ask(THIRD).granted
    assert after.ask(waiting).granted


def test_who_took_over_knows_nothing_of_what_it_granted_before():
    door = Door(FIRST, SECOND)
    door.ask(FIRST)
    door.turns.clear()
    door.turns.notice(under_way(SECOND))
    door.turns.notice(FIRST)
    assert not door.ask(FIRST).granted


def test_the_older_ones_are_named_where_they_are_asked_for():
    stopping = under_way(FIRST).model_copy(update={"spec": FIRST.spec.model_copy(update={"cancel": True})})
    fourth = order(4)
    door = Door(stopping, under_way(SECOND), THIRD, fourth)
    door.ask(THIRD)
    assert door.ask(fourth).older == ()
    assert door.ask(fourth, name_older=True).older == ("order-2", "order-3")


def test_who_is_under_way_was_there_before_those_of_the_same_second():
    metadata = order(1).metadata.model_copy(update={"uid": "a", "name": "late"})
    late = order(1).model_copy(update={"metadata": metadata})
    door = Door(under_way(FIRST), late)
    assert door.ask(late, name_older=True).older == ("order-1",)


def test_one_that_comes_in_before_others_wakes_them():
    door = Door(FIRST, THIRD)
    door.ask(FIRST)
    door.ask(THIRD)
    door.rewoken()
    door.turns.notice(SECOND)
    door.ask(SECOND)
    assert door.rewoken() == {"order-3"}
    assert door.ask(THIRD).ahead == 1


def test_when_many_leave_at_once_everybody_is_served():
    """Each end wakes those in front only; whoever is let in wakes the next."""
    runs = [order(number) for number in range(60)]
    door = Door(*runs)
    for run in runs:
        door.ask(run, limit=30)
    for run in runs[:30]:
        door.turns.leave(run.metadata.uid)
    served = set()
    while woken := door.rewoken():
        served |= {name for name in woken if door.ask(order(int(name.removeprefix("order-"))), limit=30).granted}
    assert len(served) == 30


def test_inline_runs_have_no_line():
    door = Door()
    door.turns.notice(a_run(a_spec()))
    assert door.ask(FIRST).granted
