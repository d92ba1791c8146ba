from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from penstock.adapters.kube.objects import Pod
from penstock.adapters.kube.start_pace import StartPace, may_wait
from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.ports.access import Key
from tests.unit.adapters.kube.samples import a_live_run

RUNNING = {"running": {"startedAt": "2026-01-02T12:00:01Z"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff"}}


def pod(name: str, state: dict[str, Any] | None = None, node: str = "") -> Pod:
    statuses = [{"name": "step", "state": state}] if state else []
    meta = {"name": name, "namespace": "default", "uid": name}
    return msgspec.convert(
        {"metadata": meta, "spec": {"nodeName": node}, "status": {"containerStatuses": statuses}}, Pod
    )


class Loop(asyncio.SelectorEventLoop):
    """One whose clock can be put on."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def go_by(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.ahead += seconds
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def played(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(scenario)


class Pace:
    """A pace with whom it wakes, and runs whose passes are made as the operator makes them."""

    def __init__(self, per_node: int) -> None:
        self.woken: list[str] = []
        self.pace = StartPace(lambda run: self.woken.append(run.name), per_node)
        self.known: dict[str, Pod] = {}

    def look(self, run: str, *, starts: bool = True, namespace: str = "default") -> bool:
        """A pass over a run: whether it may begin; if so, its pod is there at the end of the pass."""
        key = Key(namespace, run)
        admitted = self.pace.admits(key)
        if admitted:
            if starts:
                self.sees(pod(run))
            self.pace.looked(key)
        return admitted

    def sees(self, new: Pod) -> None:
        self.pace.pod_changed(self.known.get(new.metadata.uid), new)
        self.known[new.metadata.uid] = new

    def loses(self, name: str) -> None:
        self.pace.pod_changed(self.known.pop(name), None)


async def test_so_many_begin_at_once_and_the_others_in_the_order_in_which_they_came():
    pace = Pace(2)

    assert [pace.look(run) for run in "abcd"] == [True, True, False, False]
    assert len(pace.pace) == 2
    pace.sees(pod("a", RUNNING, "node-1"))
    assert pace.woken == ["c"]
    assert not pace.look("d")
    assert pace.look("c")
    pace.loses("b")
    assert pace.woken == ["c", "d"]


async def test_whoever_comes_later_does_not_come_before_those_who_wait():
    pace = Pace(2)
    for run in "abc":
        pace.look(run)
    pace.sees(pod("a", RUNNING, "node-1"))

    assert not pace.look("d")
    assert pace.look("c")


async def test_namespaces_take_turns():
    pace = Pace(1)
    pace.look("a")
    for run in ("b", "c", "d"):
        pace.look(run)
    assert not pace.pace.admits(Key("other", "x"))

    for started in ("a", "b", "x"):
        pace.loses(started)
        for run in pace.woken[-1:]:
            pace.look(run, namespace="other" if run == "x" else "default")
    assert pace.woken == ["b", "x", "c"]


async def test_each_node_that_is_known_starts_as_many():
    pace = Pace(1)
    for run in "abc":
        pace.look(run)

    pace.sees(pod("a", CREATING, "node-1"))
    assert pace.woken == []
    pace.sees(pod("x", RUNNING, "node-2"))
    assert pace.woken == ["b"]
    pace.look("b")
    pace.sees(pod("b", CREATING, "node-3"))
    assert pace.woken == ["b", "c"]


async def test_a_node_without_pods_of_ours_counts_no_more():
    pace = Pace(1)
    pace.sees(pod("x", RUNNING, "node-2"))
    pace.sees(pod("y", RUNNING, "node-1"))
    pace.loses("x")

    assert [pace.look(run) for run in "ab"] == [True, False]


@pytest.mark.parametrize(("state", "seconds"), [(None, 1.0), (CREATING, 3.0)])
def test_what_does_not_come_to_run_holds_up_nobody_for_long(state: dict[str, Any] | None, seconds: float):
    async def scenario() -> None:
        pace = Pace(1)
        pace.look("a")
        pace.look("b")
        if state:
            pace.sees(pod("a", state, "node-1"))

        await go_by(0.9 * seconds)
        assert pace.woken == []
        await go_by(0.2 * seconds)
        assert pace.woken == ["b"]

    played(scenario())


def begun_at_once(pace: Pace) -> int:
    """How many of a new crowd may begin."""
    pace.pace.clear()
    return sum(pace.look(f"crowd-{number}") for number in range(100))


@pytest.mark.parametrize(
    ("seconds", "waiting", "least", "most"), [(1.0, True, 20, 30), (1.0, False, 8, 8), (2.8, True, 6, 6)]
)
def test_nodes_get_more_at_once_while_they_are_quick_and_others_wait(
    seconds: float, waiting: bool, least: int, most: int
):
    async def scenario() -> None:
        pace = Pace(8)
        for number in range(40):
            run = f"run-{number}"
            pace.sees(pod(run, CREATING, "node-1"))
            for other in range(30 if waiting else 0):
                pace.pace.admits(Key("default", f"other-{other}"))
            await go_by(seconds)
            pace.sees(pod(run, RUNNING, "node-1"))
        for number in range(40):
            pace.loses(f"run-{number}")
        assert least <= begun_at_once(pace) <= most

    played(scenario())


async def test_what_keeps_no_node_busy_does_not_count():
    pace = Pace(1)
    pace.look("a")
    pace.look("b")

    pace.sees(pod("a", NO_IMAGE, "node-1"))

    assert pace.woken == ["b"]


async def test_a_run_that_starts_nothing_leaves_its_place_to_the_next():
    pace = Pace(1)
    assert pace.pace.admits(Key("default", "a"))
    assert not pace.look("b")

    pace.pace.looked(Key("default", "a"))

    assert pace.woken == ["b"]
    assert pace.look("b", starts=False)
    assert pace.look("c")


async def test_nobody_waits_once_all_are_looked_at_anew():
    pace = Pace(1)
    pace.look("a")
    pace.look("b")

    pace.pace.clear()

    assert len(pace.pace) == 0
    pace.sees(pod("a", RUNNING, "node-1"))
    assert pace.look("c")


@pytest.mark.parametrize(
    ("phase", "cancel", "waits"),
    [("Pending", False, True), ("Pending", True, False), ("Running", False, False), ("Waiting", False, False)],
)
def test_only_what_has_not_begun_waits(phase: str, cancel: bool, waits: bool):
    run = a_live_run()
    run = run.model_copy(
        update={"status": WorkflowRunStatus(phase=phase), "spec": run.spec.model_copy(update={"cancel": cancel})}
    )

    assert may_wait(run) is waits
