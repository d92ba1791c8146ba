"""People who ask for runs, hold them, cancel them and vote, and a node that loses pods, as a scenario says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from tests.chaos.history import Vote, started
from tests.chaos.real import cast
from tests.chaos.real.api import Desk
from tests.chaos.real.recorder import Recorder
from tests.chaos.scenario import REQUESTER, Asked
from tests.support.cluster import OPERATOR


class People:
    """All of them, in one namespace."""

    def __init__(self, seed: str, desk: Desk, recorder: Recorder) -> None:
        self._seed = seed
        self._desk = desk
        self._recorder = recorder
        self._tasks = set[asyncio.Task[None]]()
        self._seen = set[str]()
        """Pods that have ended."""
        self.asked = 0
        """Runs that were asked for so far and have been seen since, or were refused."""
        self.trouble: list[str] = []
        """What nobody meant to happen, such as a refused run."""
        recorder.on_change.append(self._hear)

    async def write_down(self, workflows: Iterable[dict[str, Any]]) -> None:
        """The Workflows."""
        for workflow in workflows:
            made = await self._desk.create("workflows", workflow, by=REQUESTER)
            if made.status != 201:
                raise AssertionError(f"workflow {workflow['metadata']['name']}: {made.body}")

    def schedule(self, asked: Asked) -> None:
        """Ask for a run at its time, and do with it later what is planned."""
        self._later(asked.at, lambda: self._ask(asked))

    async def leave(self) -> None:
        """Do nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, asked: Asked) -> None:
        made = await self._desk.create("workflowruns", asked.body, by=REQUESTER)
        if made.status != 201:
            self.trouble.append(f"run {asked.name} was refused: {made.body.get('message')}")
            self.asked += 1
            return

        if asked.cancel_at is not None:
            self._later(asked.cancel_at - asked.at, lambda: self._insist(asked.name, {"cancel": True}))
        if asked.hold is not None:
            self._later(asked.hold[0] - asked.at, lambda: self._hold(asked))
        if asked.delete_at is not None:
            self._later(asked.delete_at - asked.at, lambda: self._desk.delete("workflowruns", asked.name))

    async def _hold(self, asked: Asked) -> None:
        """One after the other: on a busy machine two requests of their own would overtake each other."""
        assert asked.hold is not None
        begin, end = asked.hold
        for held, then in ((True, end - begin), (False, 0.0)):
            await self._insist(asked.name, {"suspend": held})
            await asyncio.sleep(then)

    async def _insist(self, run: str, spec: dict[str, Any]) -> None:
        while True:
            done = await self._desk.merge("workflowruns", run, {"spec": spec}, by=REQUESTER)
            if done.status != 409 and done.status < 500:
                break
            await asyncio.sleep(1.0)
        # A run may be gone or over meanwhile.
        if done.status not in (200, 404, 422):
            self.trouble.append(f"{spec} of {run} was answered {done.status}: {done.body.get('message')}")

    def _hear(self, kind: str, plural: str, found: dict[str, Any]) -> None:
        if (kind, plural) == ("ADDED", "workflowruns") and "parent" not in found["spec"]:
            self.asked += 1
        if (kind, plural) == ("ADDED", "approvalrequests"):
            request, meta = found["spec"]["request"], found["metadata"]
            # Each run is judged for itself, or a gate would end the same in all runs of a Workflow.
            seed = f"{self._seed}/{request['run']['name']}"
            for ballot in cast.votes(seed, request["step"], request["attempt"]):
                vote = {"by": ballot.by, "verdict": ballot.verdict, "digest": request["digest"]}
                self._later(ballot.after, lambda vote=vote: self._vote(meta["name"], meta["uid"], vote))  # type: ignore[misc]
        if plural == "pods":
            self._hear_of_pod(kind, found)

    async def _vote(self, name: str, uid: str, vote: dict[str, Any]) -> None:
        patch = [{"op": "add", "path": "/spec/decisions/-", "value": vote}]
        done = await self._desk.json_patch("approvalrequests", name, patch, by=vote["by"])
        # Somebody may vote on what was settled meanwhile: that is refused.
        if done.status == 200:
            self._recorder.told.votes.append(Vote(uid, vote["by"], vote["verdict"]))
        elif done.status not in (403, 404, 409, 422):
            self.trouble.append(f"a vote on {name} was answered {done.status}: {done.body.get('message')}")

    def _hear_of_pod(self, kind: str, pod: dict[str, Any]) -> None:
        attempt, uid, phase = started("pods", pod), pod["metadata"]["uid"], pod.get("status", {}).get("phase")
        if attempt is None or uid in self._seen:
            return
        if kind == "ADDED" and cast.fate(self._seed, attempt.step, attempt.attempt).kind == "gone":
            # Somebody with the operator's token, for the guards let nobody else.
            name = pod["metadata"]["name"]
            self._later(3.0, lambda: self._desk.delete("pods", name, by=OPERATOR, at_once=True))
        if phase in ("Succeeded", "Failed"):
            self._seen.add(uid)
            job = pod["metadata"]["ownerReferences"][0]["uid"]
            found = cast.program(self._seed, job, attempt, phase)
            if found is not None and "deletionTimestamp" not in pod["metadata"]:
                self._recorder.told.programs.append(found)

    def _later(self, seconds: float, do: Callable[[], Awaitable[Any]]) -> None:
        async def then() -> None:
            await asyncio.sleep(max(0.0, seconds))
            await do()

        self._spawn(then())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.trouble.append(f"{type(error).__name__}: {error}")
