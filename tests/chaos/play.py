"""One play: a scenario, its faults, and what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from functools import partial
from typing import Any

from tests.chaos import faults as schedules
from tests.chaos import scenario as scenarios
from tests.chaos.checks import violations
from tests.chaos.faults import Fault
from tests.chaos.history import BEGAN, FINISHED
from tests.chaos.node import Node
from tests.chaos.outcome import Outcome
from tests.chaos.replica import operate
from tests.chaos.scenario import Asked, Scenario
from tests.chaos.server import WHO, ChaosServer
from tests.chaos.virtual_time import Processes, Restless, Time, VirtualLoop
from tests.integration.kube.api_server import serving

_PATIENCE = 3600.0
"""Seconds after which a run that goes on counts as one that never ends."""
_NO_MORE_FAULTS = 900.0
"""Seconds after which nothing goes wrong any more: what is left of the schedule met nobody."""
_CALM = 240.0
"""Seconds that everything has to settle, at the end and after the runs were deleted."""


def play(seed: int, faults: Iterable[Fault] | None = None, *, stops: bool = False) -> Outcome:
    """Play the scenario of a seed, with its own faults or with these.

    With `stops` it is played by two replicas, of which whoever leads is stopped and woken over and over, and most runs
    are cancelled, for odd seeds deleted: what a leader was about to do is then no longer to be done when it wakes.
    """
    roll = random.Random(f"play {seed}")
    scenario, own = scenarios.draw(roll), schedules.draw(roll)
    if stops:
        again, deleted = random.Random(f"stops {seed}"), bool(seed % 2)
        scenario = scenarios.impatient(again, scenario, deletes=deleted)
        own = schedules.stops(again, deaf=deleted)
    chosen = own if faults is None else tuple(faults)
    # Waits between tries are rolled in the product; so are these.
    random.seed(seed)
    time = Time(BEGAN)
    server = ChaosServer(time, random.Random(f"server {seed}"), chosen)
    processes = Processes(time)
    stage = _Stage(seed, scenario, server, processes)
    try:
        processes.run(stage.run())
    except Restless as error:
        stage.at_the_end.append(("runs_end", str(error)))
    found = list(dict.fromkeys((*stage.at_the_end, *violations(server.recorded))))
    return Outcome(seed, chosen, server.injected, found, server.met, server.recorded)


class _Stage:
    """The server, the node, the people, and the operators beside them."""

    def __init__(self, seed: int, scenario: Scenario, server: ChaosServer, processes: Processes) -> None:
        self._seed = str(seed)
        self._scenario = scenario
        self._server = server
        self._processes = processes
        self._roll = random.Random(f"stage {seed}")
        self._replicas: dict[str, VirtualLoop] = {}
        """By token."""
        self._generation = 0
        self.at_the_end: list[tuple[str, str]] = []
        """Violations that were there before the runs were deleted."""

    async def run(self) -> None:
        """From the beginning to the end."""
        server = self._server
        server.kill, server.stop = self._kill, self._stop
        server.on_commit.append(self._ask_people)
        async with serving(server):
            WHO.set("people")
            beside = [asyncio.create_task(Node(server, self._seed).run()), asyncio.create_task(server.say_bookmarks())]
            for number in range(self._scenario.replicas):
                self._start(f"operator-{number}")
            self._put_on_the_agenda()
            await self._all_ended()
            await asyncio.sleep(_CALM)
            self._judge_and_clean_up()
            await asyncio.sleep(_CALM)
            for token in tuple(self._replicas):
                self._end(token)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def _judge_and_clean_up(self) -> None:
        """What has to stand at the end is judged while it stands; then all runs are deleted."""
        self.at_the_end = violations(self._server.recorded)
        for name in self._server.names("workflowruns"):
            self._server.delete("workflowruns", name)

    async def _all_ended(self) -> None:
        while not (self._all_asked() and self._ended()):
            await asyncio.sleep(1.0)
            now = self._server.times.seconds
            if now > _NO_MORE_FAULTS:
                self._server.spare()
            if now > _PATIENCE:
                return

    def _all_asked(self) -> bool:
        return self._server.times.seconds > max(run.at for run in self._scenario.runs)

    def _ended(self) -> bool:
        runs = [self._server.get("workflowruns", name) for name in self._server.names("workflowruns")]
        return all(run.get("status", {}).get("phase") in FINISHED for run in runs)

    # People.

    def _put_on_the_agenda(self) -> None:
        for workflow in self._scenario.workflows:
            self._server.put("workflows", workflow)
        for asked in self._scenario.runs:
            self._ask(asked)

    def _ask(self, asked: Asked) -> None:
        later = partial(asyncio.get_running_loop().call_later)
        change = partial(self._server.set_spec, "workflowruns", asked.name)
        later(asked.at, self._server.put, "workflowruns", asked.body)
        if asked.cancel_at is not None:
            later(asked.cancel_at, partial(change, cancel=True))
        if asked.hold is not None:
            for moment, held in zip(asked.hold, (True, False), strict=True):
                later(moment, partial(change, suspend=held))
        if asked.delete_at is not None:
            later(asked.delete_at, self._server.delete, "workflowruns", asked.name)

    def _ask_people(self, kind: str, plural: str, found: dict[str, Any]) -> None:
        if (kind, plural) != ("ADDED", "approvalrequests"):
            return
        request, name = found["spec"]["request"], found["metadata"]["name"]
        for ballot in scenarios.ballots(self._seed, request["step"], request["attempt"]):
            asyncio.get_running_loop().call_later(ballot.after, self._server.vote, name, ballot.by, ballot.verdict)

    # Operators.

    def _start(self, name: str) -> None:
        self._generation += 1
        token = f"{name}#{self._generation}"
        self._replicas[token] = self._processes.spawn(operate(self._server, name, token))

    def _kill(self, token: str) -> None:
        if token in self._replicas:
            self._end(token)
            pause = self._roll.choice((0.5, 5.0, 40.0))
            asyncio.get_running_loop().call_later(pause, self._start, token.partition("#")[0])

    def _end(self, token: str) -> None:
        self._server.dead.add(token)
        self._processes.kill(self._replicas.pop(token))

    def _stop(self, token: str, seconds: float) -> None:
        if token in self._replicas:
            self._replicas[token].frozen_until = self._server.times.seconds + seconds
