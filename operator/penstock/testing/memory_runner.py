"""Attempts whose course a test decides; nothing is run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.failures import FailureCode
from penstock.engine.model import AttemptId, Failure
from penstock.ports.access import Key
from penstock.testing.memory_table import MemoryChanges


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ends."""

    phase: AttemptPhase
    output: Any = None
    failure: Failure | None = None
    printed: bytes = b""
    items: tuple[ItemResult, ...] = ()
    """Of an attempt of a batch."""
    items_begun: int | None = None


def succeeded(output: Any = None, *, printed: bytes = b"") -> Ending:
    """It did its work."""
    return Ending(AttemptPhase.SUCCEEDED, output=output, printed=printed)


def failed(code: str = FailureCode.SCRIPT_FAILED, reason: str = "it broke", *, printed: bytes = b"") -> Ending:
    """It says that it failed."""
    return Ending(AttemptPhase.FAILED, failure=Failure(code, reason), printed=printed)


def lost() -> Ending:
    """It is gone and said nothing."""
    return Ending(AttemptPhase.LOST, failure=Failure(FailureCode.LOST, "it is gone without a result"))


def items(*results: ItemResult, begun: int | None = None, printed: bytes = b"") -> Ending:
    """An attempt of a batch: what its items came to; died on the way where `begun` says how many had begun."""
    broken = [result for result in results if result.failure is not None]
    if begun is not None:
        failure = Failure(FailureCode.OOM_KILLED, "it used more memory than its limit")
        return Ending(AttemptPhase.FAILED, failure=failure, printed=printed, items=results, items_begun=begun)
    if broken:
        failure = Failure(FailureCode.ITEMS_FAILED, f"{len(broken)} of {len(results)} items failed")
        return Ending(AttemptPhase.FAILED, None, failure, printed, results, len(results))
    return Ending(AttemptPhase.SUCCEEDED, None, None, printed, results, len(results))


def good(index: int, output: Any = None) -> ItemResult:
    """An item that succeeded."""
    return ItemResult(index, output)


def bad(index: int, code: str = FailureCode.SCRIPT_FAILED, reason: str = "it broke") -> ItemResult:
    """An item that failed."""
    return ItemResult(index, failure=Failure(code, reason))


@dataclass(slots=True)
class MemoryAttempt:
    """One attempt that was started."""

    run_key: Key
    run_uid: str
    command: StartAttempt
    fact: AttemptFact
    printed: bytearray = field(default_factory=bytearray)


class MemoryRunner:
    """Starts nothing; attempts end as `will` said before, or when `end` says so."""

    def __init__(self, changes: MemoryChanges) -> None:
        self._changes = changes
        self._attempts: dict[Key, MemoryAttempt] = {}
        self._endings: defaultdict[str, list[Ending]] = defaultdict(list)
        self._words: dict[str, bytes] = {}
        self._listeners: list[Callable[[Key], None]] = []
        self.starts: list[str] = []
        """Names of the attempts that were started, in order; a name that is here twice is an error of ours."""

    def will(self, step: str, *endings: Ending) -> None:
        """The next attempts of a step end so, one after the other, as soon as they start."""
        self._endings[step].extend(endings)

    def will_say(self, step: str, printed: bytes) -> None:
        """The next attempt of a step prints this as soon as it starts, and goes on."""
        self._words[step] = printed

    def subscribe(self, listener: Callable[[Key], None]) -> None:
        """Have `listener` called with the key of a run whose attempts changed."""
        self._listeners.append(listener)

    def newest(self, run_uid: str, step: str) -> MemoryAttempt | None:
        """The attempt of a step that was started last."""
        mine = [found for found in self._attempts.values() if (found.run_uid, found.command.id.step) == (run_uid, step)]
        return mine[-1] if mine else None

    def find(self, run_uid: str, at: AttemptId) -> MemoryAttempt | None:
        """One attempt."""
        return next(
            (found for found in self._attempts.values() if (found.run_uid, found.command.id) == (run_uid, at)), None
        )

    def living(self, run_uid: str) -> tuple[MemoryAttempt, ...]:
        """The attempts of a run that have not ended."""
        return tuple(found for found in self._attempts.values() if found.run_uid == run_uid and not found.fact.ended)

    def conclude(self, attempt: MemoryAttempt, ending: Ending) -> None:
        """Have an attempt end so."""
        self._conclude(attempt, ending)
        self._tell(attempt)

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """What is known of the run's attempts."""
        return {found.command.id: found.fact for found in self._attempts.values() if found.run_uid == run.metadata.uid}

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Note the attempt, once."""
        key = Key(run.metadata.namespace, command.name)
        if key in self._attempts:
            return
        self.starts.append(command.name)
        fact = AttemptFact(AttemptPhase.RUNNING, command.digest, self._changes.new_id())
        attempt = MemoryAttempt(Key(run.metadata.namespace, run.metadata.name), run.metadata.uid, command, fact)
        self._attempts[key] = attempt
        attempt.printed += self._words.pop(command.id.step, b"")
        if self._endings[command.id.step]:
            self._conclude(attempt, self._endings[command.id.step].pop(0))
        self._tell(attempt)

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """End the attempt as stopped."""
        attempt = self._attempts.get(Key(run.metadata.namespace, command.name))
        if attempt is not None and attempt.run_uid == run.metadata.uid and not attempt.fact.ended:
            self._conclude(attempt, failed(FailureCode.CANCELLED, "the attempt was asked to stop"))
            self._tell(attempt)

    def end(self, run: WorkflowRun, step: str, ending: Ending) -> None:
        """The newest attempt of a step ends so."""
        attempt = self._living(run, step)
        self._conclude(attempt, ending)
        self._tell(attempt)

    def say(self, run: WorkflowRun, step: str, printed: bytes = b"", *, message: str | None = None) -> None:
        """The newest attempt of a step prints something, or says how far it is."""
        attempt = self._living(run, step)
        attempt.printed += printed
        attempt.fact = replace(attempt.fact, message=message or attempt.fact.message)
        self._tell(attempt)

    def _living(self, run: WorkflowRun, step: str) -> MemoryAttempt:
        attempt = self.newest(run.metadata.uid, step)
        assert attempt is not None, f"step {step} was not started"
        assert not attempt.fact.ended, f"step {step} has ended"
        return attempt

    def _conclude(self, attempt: MemoryAttempt, ending: Ending) -> None:
        attempt.printed += ending.printed
        attempt.fact = replace(
            attempt.fact,
            phase=ending.phase,
            output=ending.output,
            failure=ending.failure,
            message=None,
            items=ending.items,
            items_begun=ending.items_begun,
        )

    def _tell(self, attempt: MemoryAttempt) -> None:
        self._changes.announce()
        for listener in self._listeners:
            listener(attempt.run_key)
