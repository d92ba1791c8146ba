"""Ends of runs and pods, as watch events tell them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.watching import Ends, pod_ended, run_ended


def a_run(phase: str, name: str = "run") -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase, "error": {"code": "LOST"}}}


def a_pod(**state: Any) -> dict[str, Any]:
    return {"metadata": {"name": "pod"}, "status": {"containerStatuses": [{"state": state}]}}


@pytest.mark.parametrize(
    ("item", "ended"),
    [
        ({"metadata": {"name": "run"}}, False),
        (a_run("Pending"), False),
        (a_run("Running"), False),
        (a_run("Waiting"), False),
        (a_run("Succeeded"), True),
    ],
)
def test_a_run_has_ended_when_it_succeeded(item: dict[str, Any], ended: bool):
    assert run_ended(item) is ended


@pytest.mark.parametrize("phase", ["Failed", "Cancelled", "TimedOut"])
def test_any_other_end_of_a_run_cannot_be_measured(phase: str):
    with pytest.raises(RuntimeError, match=f"run ended {phase}.*LOST"):
        run_ended(a_run(phase))


def test_a_pod_has_ended_when_its_container_is_seen_terminated():
    assert pod_ended({"metadata": {"name": "pod"}, "status": {}}) is False
    assert pod_ended(a_pod(running={})) is False
    assert pod_ended(a_pod(terminated={"exitCode": 0})) is True


def test_a_pod_that_failed_cannot_be_measured():
    with pytest.raises(RuntimeError, match="exit code 3"):
        pod_ended(a_pod(terminated={"exitCode": 3}))


async def test_the_first_sight_of_the_end_counts():
    ends = Ends(run_ended)
    end = ends.expect("run")
    ends.see(a_run("Succeeded", "another"))
    ends.see(a_run("Running"))
    assert not end.done()
    ends.see(a_run("Succeeded"))
    first = await end
    ends.see(a_run("Succeeded"))
    assert await end == first


async def test_a_failed_run_fails_whoever_waits_for_it():
    ends = Ends(run_ended)
    end = ends.expect("run")
    ends.see(a_run("Failed"))
    with pytest.raises(RuntimeError, match="ended Failed"):
        await asyncio.wait_for(end, 1)
