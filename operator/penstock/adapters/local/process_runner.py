"""One process per attempt, through the harness; started at most once, and found again by the next driver.

The row in the database is written before anything else and holds the outcome once there is one. In between, the
attempt's own lock, pid and log say all there is to know, so nothing is lost with the driver that started it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.adapters.assertion_key import NoKey
from penstock.adapters.clock import SystemClock
from penstock.adapters.local import processes
from penstock.adapters.local.attempts import AttemptRecord, AttemptTable, Outcome
from penstock.adapters.local.layout import AttemptFiles, DataDirectory
from penstock.adapters.local.living_attempt import LivingAttempt
from penstock.adapters.local.secret_folder import SecretFolder, SecretMissing
from penstock.adapters.local.step_environment import container_environment, step_environment
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.assertions import assertion
from penstock.engine.calls import source_of
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.model import AttemptId, Failure, RunPhase
from penstock.engine.secret_references import plain_variables, secret_env
from penstock.errors import TransientError, Unavailable
from penstock.ports.access import Key
from penstock.ports.assertions import Signer
from penstock.ports.engine import Clock

DOCUMENT_VERSION = 1
"""Of the input document."""
CONTAINER_TOOLS = ("docker", "podman")
"""What runs `container` steps; the first that is installed."""
_FROM_PROGRAM = (
    *("runtime", "source", "dependencies", "timeoutSeconds"),
    *("image", "command", "args", "workingDir", "runAsUser", "outputFrom"),
)

log = logging.getLogger(__name__)

Listener = Callable[[Key], None]
"""Called with the key of a run of which something new can be observed."""


@dataclass(frozen=True, slots=True)
class HarnessSettings:
    """How programs are started on this machine."""

    command: tuple[str, ...]
    """The harness: an interpreter with its arguments."""
    inherited: Mapping[str, str]
    """The environment that a step's process gets its share of."""
    secrets: Path
    """The folder with Secrets, as NAME.env each."""
    installer: str | None = None
    """Path of uv; without it the one beside the interpreter, else the one on PATH."""
    signer: Signer = field(default_factory=NoKey)
    """Signs who asked for a run, for Connections with `onBehalfOf`."""
    clock: Clock = field(default_factory=SystemClock)
    grace_seconds: float = 5.0
    """What a program has to end after it was asked to, before it is killed."""


class ProcessRunner:
    """Runs attempts as processes on this machine."""

    def __init__(
        self, directory: DataDirectory, attempts: AttemptTable, harness: HarnessSettings, new_id: Callable[[], str]
    ) -> None:
        self._directory = directory
        self._attempts = attempts
        self._harness = harness
        self._installer = harness.installer or _installer_beside(harness.command[0])
        self._secrets = SecretFolder(harness.secrets)
        self._new_id = new_id
        self._living: dict[Key, LivingAttempt] = {}
        self._listeners: list[Listener] = []
        self._sweeping: set[asyncio.Task[None]] = set()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` called whenever something new can be observed of a run's attempts."""
        self._listeners.append(listener)

    @property
    def living(self) -> int:
        """Attempts whose processes are watched."""
        return len(self._living)

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """What is known of the run's attempts."""
        facts = {}
        for record in self._attempts.of_run(run):
            fact = self._fact(record, RunPhase(run.status.phase))
            if fact is not None:
                facts[record.id] = fact
        return facts

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make sure that the attempt exists; the second call for one name starts nothing. Raises Unavailable."""
        record = self._attempts.fence(run, command, uid=self._new_id(), nonce=self._new_id())
        # An attempt of this name with another digest is not this one; the engine sees that by the digest.
        if record.outcome is not None or record.key in self._living or record.digest != command.digest:
            return
        self._launch(record, command)
        self._tell(record)

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """Make sure that the attempt has no process; graceful first. Harmless when it has none."""
        record = self._attempts.find(Key(run.metadata.namespace, command.name))
        if record is None or record.run_uid != run.metadata.uid or record.outcome is not None:
            return
        living = self._living.get(record.key) or self._find_again(record)
        if living is not None:
            living.stop()
        elif not processes.was_started(self._files(record)):
            self._end(record, _never_started())

    async def close(self) -> None:
        """Stop watching. The processes go on; the next runner finds them again."""
        for living in self._living.values():
            await living.abandon()
        self._living.clear()
        if self._sweeping:
            await asyncio.wait(self._sweeping)

    def _fact(self, record: AttemptRecord, run: RunPhase) -> AttemptFact | None:
        if record.outcome is not None:
            return record.ended(record.outcome)
        living = self._living.get(record.key) or self._find_again(record)
        if living is not None:
            return record.fact(AttemptPhase.RUNNING, living.message, living.items)
        files = self._files(record)
        if processes.was_started(files):
            return record.ended(self._settle(record, files))
        if run.finished:
            # Nobody will ever start it, so nobody needs to look at it again.
            self._end(record, _never_started())
        return None

    def _launch(self, record: AttemptRecord, command: StartAttempt) -> None:
        files = self._files(record)
        handle = processes.lock_log(files)
        if handle is None:
            self._watch(record, files, None)
            return
        try:
            if processes.was_started(files):
                self._settle(record, files)
            else:
                document = input_document(command, record.nonce)
                environment = {
                    **self._environment(command, files),
                    **self._secret_files(command, files),
                    **self._signed(record, command),
                }
                process = processes.start_process(self._command(command), document, files, handle, environment)
                self._watch(record, files, process)
        except SecretMissing as error:
            reason = f"{error}. {error.hint}".rstrip(". ")
            self._end(record, Outcome(AttemptPhase.FAILED, failure=Failure(FailureCode.SECRET_MISSING, reason)))
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise Unavailable(f"cannot start {record.name}: {error}") from error
            reason = "the step's environment is too large for this machine; pass large data through files"
            self._end(record, Outcome(AttemptPhase.FAILED, failure=Failure(FailureCode.INPUT_INVALID, reason)))
        finally:
            os.close(handle)

    def _find_again(self, record: AttemptRecord) -> LivingAttempt | None:
        """Watch an attempt that an earlier driver started, where it still lives."""
        files = self._files(record)
        return self._watch(record, files, None) if processes.lives(files) else None

    def _watch(
        self, record: AttemptRecord, files: AttemptFiles, process: subprocess.Popen[bytes] | None
    ) -> LivingAttempt:
        living = LivingAttempt(record, files, process, self._harness.grace_seconds)
        living.follow(on_news=lambda: self._tell(record), on_end=lambda outcome: self._ended(record, outcome))
        self._living[record.key] = living
        return living

    def _ended(self, record: AttemptRecord, outcome: Outcome | None) -> None:
        self._living.pop(record.key, None)
        try:
            if outcome is not None:
                self._end(record, outcome)
        except TransientError as error:
            # Nothing is lost: the next look finds the process gone and its log complete.
            log.warning("cannot write down how %s ended: %s", record.name, error)
        self._tell(record)

    def _settle(self, record: AttemptRecord, files: AttemptFiles) -> Outcome:
        """Write down how an attempt ended while nobody watched."""
        outcome = LivingAttempt(record, files, None, self._harness.grace_seconds).outcome()
        self._end(record, outcome)
        return outcome

    def _end(self, record: AttemptRecord, outcome: Outcome) -> None:
        self._attempts.end(record.key, outcome)
        sweeping = asyncio.create_task(asyncio.to_thread(shutil.rmtree, self._files(record).work, ignore_errors=True))
        self._sweeping.add(sweeping)
        sweeping.add_done_callback(self._sweeping.discard)

    def _tell(self, record: AttemptRecord) -> None:
        for listener in self._listeners:
            listener(record.run_key)

    def _files(self, record: AttemptRecord) -> AttemptFiles:
        return self._directory.attempt(record.run_uid, record.id)

    def _command(self, command: StartAttempt) -> tuple[str, ...]:
        return (*self._harness.command, *(("container",) if command.program.get("kind") == "container" else ()))

    def _environment(self, command: StartAttempt, files: AttemptFiles) -> dict[str, str]:
        inherited = self._harness.inherited
        if command.program.get("kind") == "container":
            return self._container_environment(command, files)
        declared = {variable["name"]: variable["value"] for variable in plain_variables(command.program)}
        declared.update(self._secrets.variables(command.program))
        own = {
            "PENSTOCK_INPUT": "-",
            "PENSTOCK_WORKDIR": str(files.work),
            "PENSTOCK_GRACE_SECONDS": f"{self._harness.grace_seconds:g}",
        }
        if self._installer is not None:
            own["PENSTOCK_UV"] = self._installer
        if "UV_CACHE_DIR" not in inherited and "UV_CACHE_DIR" not in declared:
            own["UV_CACHE_DIR"] = str(self._directory.installer_cache)
        return step_environment(inherited, declared, own)

    def _signed(self, record: AttemptRecord, command: StartAttempt) -> dict[str, str]:
        harness = self._harness
        return assertion(harness.signer, record.run_key, record.run_uid, command, harness.clock.now())

    def _container_environment(self, command: StartAttempt, files: AttemptFiles) -> dict[str, str]:
        """For the tool that runs containers; the step's own variables are in the input document."""
        inherited = self._harness.inherited
        own = {
            "PENSTOCK_INPUT": "-",
            "PENSTOCK_WORKDIR": str(files.work),
            "PENSTOCK_GRACE_SECONDS": f"{self._harness.grace_seconds:g}",
            "PENSTOCK_CONTAINER_NAME": f"penstock-{command.name}",
        }
        tools = (shutil.which(name, path=inherited.get("PATH")) for name in CONTAINER_TOOLS)
        if tool := next(filter(None, tools), None):
            own["PENSTOCK_CONTAINER_TOOL"] = tool
        return {**container_environment(inherited, own), **self._secrets.variables(command.program)}

    def _secret_files(self, command: StartAttempt, files: AttemptFiles) -> dict[str, str]:
        """Write the step's Secrets where they go with its work folder; what names that place."""
        files.work.mkdir(mode=0o700, exist_ok=True)
        return self._secrets.write_files(command.program, files.work / ".penstock" / "secrets")


def input_document(command: StartAttempt, nonce: str) -> bytes:
    """The input document as the harness reads it from standard input: its length in 8 hex digits, then JSON."""
    program = command.program
    document = {
        **command.document,
        "version": DOCUMENT_VERSION,
        "nonce": nonce,
        **{name: program[name] for name in _FROM_PROGRAM if name in program},
        **({"source": source_of(program)} if "call" in program else {}),
        **secret_env(program),
    }
    if program.get("kind") == "container":
        document |= {"runtime": "container", "source": "", "env": list(plain_variables(program))}
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{len(data):08x}\n".encode() + data


def _installer_beside(interpreter: str) -> str | None:
    """The uv of the environment that Penstock itself is installed in, which is not on PATH unless it is activated."""
    path = Path(interpreter).with_name("uv")
    return str(path) if path.exists() else None


def _never_started() -> Outcome:
    return Outcome(
        AttemptPhase.FAILED, failure=Failure(FailureCode.CANCELLED, "the attempt was stopped before it was started")
    )
