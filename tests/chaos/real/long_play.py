"""A play of many minutes in one namespace: runs are asked for all the time, and something is faulty all the time."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import faults as schedules
from tests.chaos import scenario as scenarios
from tests.chaos.faults import Fault
from tests.chaos.history import FINISHED, History
from tests.chaos.real import cast, trail
from tests.chaos.real.api import Desk
from tests.chaos.real.people import People
from tests.chaos.real.proxy import FaultyProxy
from tests.chaos.real.recorder import WATCHED, Recorder
from tests.chaos.real.replicas import Replicas
from tests.chaos.real.settling import settled, wait_until
from tests.chaos.real.site import Site, open_namespace
from tests.chaos.real.sums import Reading, Sums
from tests.chaos.scenario import Asked
from tests.cluster import audit
from tests.cluster.layout import from_environment

STEADY, OTHER = "steady", "other"
"""The replica that is stopped and woken but never killed, and the one that is killed."""
_WORKFLOWS = 12
_RETENTION = "30s"
_FAULTS = 4000
_BETWEEN = 45
"""Requests from one fault to the next, in the mean."""
_READ_EVERY = 5.0
"""Seconds between two readings of memory."""
_START = 90.0
_LAST_RUNS = 420.0
"""Seconds that the last runs have to end."""
_SETTLING = 180.0
_PAUSES = (0.5, 2.0, 13.0)
_STEADY_STOPS = 14.0
"""Seconds for which the steady one is stopped where the other would be killed: the other takes over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played."""

    seed: int
    seconds: float
    runs: int


class LongPlay:
    """One of them."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._site = site
        self._plan = plan
        self._roll = random.Random(f"soak {plan.seed}")
        self._log = from_environment().audit_log
        self._memory: list[Reading] = []
        self.happened: tuple[History, list[trail.Entry]] | None = None
        """Everything, once it is over: for whoever wants to look closer."""

    async def run(self) -> Sums:
        """From an empty namespace to an empty namespace."""
        namespace = await asyncio.to_thread(open_namespace, self._site.cluster)
        try:
            return await self._in(namespace)
        finally:
            words = ("delete", "namespace", namespace, "--wait=false")
            await asyncio.to_thread(self._site.cluster.kubectl, *words, check=False)

    async def _in(self, namespace: str) -> Sums:
        desk = Desk(self._site.way, namespace)
        proxy = FaultyProxy(self._site.way, faults_without_end(self._roll))
        recorder = Recorder(desk, proxy.late)
        people = People(str(self._plan.seed), desk, recorder)
        replicas = Replicas(self._site.config, namespace, proxy, _PAUSES)
        proxy.kill = lambda name: replicas.stop(name, _STEADY_STOPS) if name == STEADY else replicas.kill(name)
        since, before, began = audit.end(self._log), await _count(desk), time.monotonic()
        async with recorder.recording(), replicas:
            await self._play(people, recorder, replicas)
            proxy.spare()
            seconds = time.monotonic() - began
            found = await settled(recorder, replicas.look, _SETTLING, every=10.0)
            for run in list(recorder.now["workflowruns"].values()):
                await desk.delete("workflowruns", run["metadata"]["name"])
            found += await settled(recorder, replicas.look, _SETTLING, every=10.0)
            await people.leave()
            after = await _count(desk)
        history = recorder.history()
        entries = await asyncio.to_thread(lambda: list(trail.entries(self._log, since, namespace)))
        self.happened = (history, entries)
        found += trail.violations(history, entries)
        found += [("people_are_served", each) for each in people.trouble]
        return Sums(
            seed=self._plan.seed,
            seconds=round(seconds, 1),
            runs=dict(Counter(_ends(history))),
            pods=len({each.uid for each in history.changes if each.plural == "pods"}),
            changes=len(history.changes),
            requests=proxy.met,
            faults={str(kind): count for kind, count in sorted(proxy.injected.items())},
            restarts=replicas.kills.total(),
            stops=replicas.stops.total(),
            deaths=replicas.deaths,
            violations=list(dict.fromkeys(found)),
            left={plural: max(0, after[plural] - before[plural]) for plural in after},
            memory=self._memory,
        )

    async def _play(self, people: People, recorder: Recorder, replicas: Replicas) -> None:
        seed = str(self._plan.seed)
        workflows = [_workflow(self._roll, number, seed) for number in range(_WORKFLOWS)]
        await people.write_down([cast.workflow(scenarios.inner(self._roll), seed), *workflows])
        for name in (STEADY, OTHER):
            await replicas.start(name)
        await wait_until(recorder.at_work, _START, replicas.look)
        for asked in _asked(self._roll, self._plan):
            people.schedule(asked)
        reading = asyncio.create_task(self._read_memory(replicas))
        told = 0.0

        def look() -> None:
            nonlocal told
            replicas.look()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(
                    f"{recorder.seconds:6.0f} s: {people.asked} runs asked for, {self._at_work(recorder)}", flush=True
                )

        everything = self._plan.seconds + _LAST_RUNS
        await wait_until(lambda: people.asked == self._plan.runs and recorder.all_runs_ended(), everything, look)
        reading.cancel()

    def _at_work(self, recorder: Recorder) -> str:
        going = sum(run.get("status", {}).get("phase") not in FINISHED for run in recorder.now["workflowruns"].values())
        memory = f"{self._memory[-1].mib:.0f} MiB" if self._memory else "memory not read yet"
        return f"{going} go on, {len(recorder.now['pods'])} pods, {memory}"

    async def _read_memory(self, replicas: Replicas) -> None:
        began = time.monotonic()
        while True:
            self._memory.append(Reading(time.monotonic() - began, memory_of(replicas.process_id(STEADY))))
            await asyncio.sleep(_READ_EVERY)


def faults_without_end(roll: random.Random) -> Iterator[Fault]:
    """Faults of all kinds, one after so many requests."""
    at = 60
    for _ in range(_FAULTS):
        at += 1 + round(roll.expovariate(1 / _BETWEEN))
        yield from cast.paced([schedules.one(roll, at)])


def memory_of(process: int) -> float:
    """MiB that a process and its children hold; 0 where it is gone."""
    total, todo = 0.0, [process]
    while todo:
        folder = Path("/proc", str(todo.pop()))
        try:
            lines = (folder / "status").read_text().splitlines()
            children = [file.read_text().split() for file in folder.glob("task/*/children")]
        except OSError:
            continue
        total += sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
        todo += [int(each) for found in children for each in found]
    return total


def _workflow(roll: random.Random, number: int, seed: str) -> dict[str, Any]:
    name = f"flow{number:02d}"
    made = cast.workflow(scenarios.small(roll, name), seed)
    made["spec"]["retention"] = {"succeeded": _RETENTION, "failed": _RETENTION}
    return made


def _asked(roll: random.Random, plan: Plan) -> Iterator[Asked]:
    apart = plan.seconds / plan.runs
    for number in range(plan.runs):
        name = f"flow{roll.randrange(_WORKFLOWS):02d}"
        at = number * apart + roll.uniform(0, apart)
        yield cast.asked(scenarios.asked(roll, f"run-{number}", name, at), at)


async def _count(desk: Desk) -> dict[str, int]:
    """How many of each kind there are. Revisions are left out: they stay for as long as their Workflows."""
    kinds = [plural for plural in (*WATCHED, "secrets") if plural != "controllerrevisions"]
    return {plural: len((await desk.list(plural))[0]) for plural in kinds}


def _ends(history: History) -> Iterator[str]:
    last = {each.uid: each.object for each in history.changes if each.plural == "workflowruns"}
    for run in last.values():
        phase = run.get("status", {}).get("phase", "Pending")
        yield phase if phase in FINISHED else "Deleted"
