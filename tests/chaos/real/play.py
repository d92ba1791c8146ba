"""One play on a real cluster: the scenario of a seed in a namespace of its own, its faults, and what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

from tests.chaos import faults as schedules
from tests.chaos import scenario as scenarios
from tests.chaos.faults import Fault
from tests.chaos.history import History
from tests.chaos.outcome import Outcome
from tests.chaos.real import cast, trail
from tests.chaos.real.api import Desk
from tests.chaos.real.people import People
from tests.chaos.real.proxy import FaultyProxy
from tests.chaos.real.recorder import Recorder
from tests.chaos.real.replicas import Replicas
from tests.chaos.real.settling import settled, wait_until
from tests.chaos.real.site import Site, open_namespace
from tests.chaos.scenario import Scenario
from tests.cluster import audit
from tests.cluster.layout import from_environment

_START = 60.0
"""Seconds that an operator may take to begin; what people do is timed from there on."""
_NO_MORE_FAULTS = 150.0
"""Seconds after which nothing goes wrong any more: what is left of the schedule met nobody."""
_PATIENCE = 330.0
"""Seconds after which a run that goes on counts as one that never ends."""
_PAUSES = (0.5, 2.0, 13.0)
"""Seconds until a killed replica is there again."""


async def play(site: Site, seed: int, faults: Iterable[Fault] | None = None) -> Outcome:
    """Play the scenario of a seed, with its own faults or with these."""
    roll = random.Random(f"play {seed}")
    scenario = cast.staged(scenarios.draw(roll), str(seed))
    chosen = cast.paced(schedules.draw(roll)) if faults is None else tuple(faults)
    namespace = await asyncio.to_thread(open_namespace, site.cluster)
    try:
        return await _Stage(site, seed, namespace, chosen).run(scenario)
    finally:
        words = ("delete", "namespace", namespace, "--wait=false")
        await asyncio.to_thread(site.cluster.kubectl, *words, check=False)


class _Stage:
    def __init__(self, site: Site, seed: int, namespace: str, faults: tuple[Fault, ...]) -> None:
        self._site = site
        self._seed = seed
        self._namespace = namespace
        self._faults = faults
        self._desk = Desk(site.way, namespace)
        self._proxy = FaultyProxy(site.way, faults)
        self._recorder = Recorder(self._desk, self._proxy.late)
        self._people = People(str(seed), self._desk, self._recorder)
        self._replicas = Replicas(site.config, namespace, self._proxy, _PAUSES)
        self._log = from_environment().audit_log
        self._since = audit.end(self._log)

    async def run(self, scenario: Scenario) -> Outcome:
        async with self._recorder.recording(), self._replicas:
            await self._people.write_down(scenario.workflows)
            for number in range(scenario.replicas):
                await self._replicas.start(f"operator-{number}")
            await wait_until(self._recorder.at_work, _START, self._look)
            for asked in scenario.runs:
                self._people.schedule(asked)
            await wait_until(lambda: self._over(len(scenario.runs)), _PATIENCE, self._look)
            self._proxy.spare()
            found = await settled(self._recorder, self._look)
            for run in list(self._recorder.now["workflowruns"].values()):
                await self._desk.delete("workflowruns", run["metadata"]["name"])
            found += await settled(self._recorder, self._look)
            await self._people.leave()
            logs = self._replicas.logs()
        history = self._recorder.history()
        found += [("nobody_dies_unasked", death) for death in self._replicas.deaths]
        found += [("people_are_served", each) for each in self._people.trouble]
        found += await asyncio.to_thread(self._by_the_trail, history)
        once = list(dict.fromkeys(found))
        return Outcome(self._seed, self._faults, self._proxy.injected, once, self._proxy.met, history, logs)

    def _by_the_trail(self, history: History) -> list[tuple[str, str]]:
        return trail.violations(history, list(trail.entries(self._log, self._since, self._namespace)))

    def _over(self, runs: int) -> bool:
        return self._people.asked == runs and self._recorder.all_runs_ended()

    def _look(self) -> None:
        if self._recorder.seconds > _NO_MORE_FAULTS:
            self._proxy.spare()
        self._replicas.look()
