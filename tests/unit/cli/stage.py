"""The command line with a stage around it: typed answers, captured output, objects in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.sources import validate_text
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.api_keys import RANDOM_BYTES
from penstock.application.diagnosis import Finding
from penstock.cli.frame import Call, Tools
from penstock.cli.main import main
from penstock.cli.options import Place
from penstock.cli.real_tools import overrides
from penstock.cli.terminal import Terminal
from penstock.engine.model import AttemptId
from penstock.errors import AlreadyExists, Forbidden, NotFound
from penstock.ports.access import Access, Actor, Key
from penstock.ports.logs import LogCursor, LogPiece
from penstock.settings import CommandSettings
from penstock.testing.memory_outputs import MemoryOutputs
from penstock.testing.memory_world import MemoryWorld
from tests.unit.cli.samples import NOON


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    encoding = "utf-8"

    def __init__(self, *, tty: bool = False, text: str = "") -> None:
        super().__init__(text)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


class Stage(Terminal):
    """A terminal whose person types what the test says."""

    __slots__ = ("typed",)

    def __init__(self, *, tty: bool = False, colour: bool = False, stdin: str = "") -> None:
        super().__init__(
            stdin=Screen(tty=tty, text=stdin),
            stdout=Screen(tty=tty),
            stderr=Screen(tty=tty),
            colour_allowed=lambda: colour,
        )
        object.__setattr__(self, "typed", asyncio.Queue())

    @property
    def can_redraw(self) -> bool:
        # Line by line also for a person, so that a test reads what was said and not how it was redrawn.
        return False

    async def ask(self, question: str) -> str | None:
        self.stderr.write(question)
        answer: str | None = await self.typed.get()
        return answer

    @property
    def printed(self) -> str:
        return self.stdout.getvalue()

    @property
    def said(self) -> str:
        return self.stderr.getvalue()


class Objects:
    """Objects of one kind, in memory, that can be watched."""

    def __init__(self) -> None:
        self.items: dict[Key, Any] = {}
        self.changed = asyncio.Event()

    def put(self, item: Any) -> Any:
        self.items[Key(item.metadata.namespace, item.metadata.name)] = item
        self.changed.set()
        self.changed = asyncio.Event()
        return item

    async def get(self, key: Key) -> Any:
        if key not in self.items:
            raise NotFound(f"there is no {key}")
        return self.items[key]

    async def list(self, namespace: str | None, **_: Any) -> tuple[Any, ...]:
        return tuple(item for key, item in self.items.items() if namespace in (None, key.namespace))


class Workflows(Objects):
    async def apply(self, workflow: Workflow) -> Workflow:
        return self.put(workflow)


class Runs(Objects):
    def __init__(self, script: Callable[[WorkflowRun], list[WorkflowRun]]) -> None:
        super().__init__()
        self.script = script
        """What becomes of a run that is created, state by state."""
        self.cancelled: list[Key] = []
        self.suspensions: list[tuple[Key, bool]] = []
        self.refuse: str = ""
        """Why this person may delete none; empty where they may."""

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        if Key(run.metadata.namespace, run.metadata.name) in self.items:
            raise AlreadyExists("there is one already")
        return self.put(run)

    async def request_cancel(self, key: Key) -> WorkflowRun:
        self.cancelled.append(key)
        return await self.get(key)

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        self.suspensions.append((key, suspend))
        return await self.get(key)

    async def delete(self, run: WorkflowRun) -> None:
        if self.refuse:
            raise Forbidden(self.refuse)
        del self.items[Key(run.metadata.namespace, run.metadata.name)]

    async def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        # The first one to look brings the story about; whoever looks later sees how it stands.
        states, self.script = self.script(await self.get(key)), lambda run: []
        for run in states:
            yield self.put(run)
            await asyncio.sleep(0)
        seen: WorkflowRun | None = states[-1] if states else None
        while True:
            changed, run = self.changed, await self.get(key)
            if run is not seen:
                seen = run
                yield run
            else:
                await changed.wait()


class Approvals(Objects):
    def __init__(self) -> None:
        super().__init__()
        self.refuse: str = ""
        """Why the guard refuses every vote; empty when it does not."""
        self.decided: Callable[[Decision], None] = lambda decision: None

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        if self.refuse:
            raise Forbidden(self.refuse)
        request = await self.get(key)
        spec = request.spec.model_copy(update={"decisions": (*request.spec.decisions, decision)})
        self.decided(decision)
        return self.put(request.model_copy(update={"spec": spec}))


class Logs:
    def __init__(self) -> None:
        self.texts: dict[str, list[bytes]] = {}
        self.gone: dict[str, int] = {}

    async def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        """Texts of an attempt under `step#number`, else those of its step; what is gone before them in `gone`."""
        step, number, batch = attempt
        chunks = self.texts.get(f"{step}#{number}", self.texts.get(step))
        if chunks is None:
            raise NotFound(f"step {step} has no log")
        start, offset = after.offset if after else 0, self.gone.get(step, 0)
        missing = max(0, offset - start)
        for chunk in chunks:
            offset += len(chunk)
            if offset > start:
                yield LogPiece(chunk[start - offset :], LogCursor(number, offset, batch), missing)
                start, missing = offset, 0


class Records:
    """API keys of an installation."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def read(self) -> dict[str, bytes]:
        return dict(self.kept)

    async def put(self, identifier: str, record: bytes) -> None:
        self.kept[identifier] = record

    async def remove(self, identifier: str) -> None:
        if self.kept.pop(identifier, None) is None:
            raise NotFound(f"there is no API key {identifier}")


@dataclass
class Caller:
    user: str = "bob"

    async def whoami(self) -> Actor:
        return Actor(self.user)


@dataclass
class World:
    """Everything that a command line of a test can reach, and what it did."""

    terminal: Stage = field(default_factory=Stage)
    local: bool = True
    environment: dict[str, Any] = field(default_factory=lambda: {"mode": "local"})
    script: Callable[[WorkflowRun], list[WorkflowRun]] = lambda run: []
    opened: list[CommandSettings] = field(default_factory=list)
    driving: list[bool] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """What a look at the installation finds."""
    looked_at: list[tuple[bool, str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workflows = Workflows()
        self.runs = Runs(self.script)
        self.approvals = Approvals()
        self.logs = Logs()
        self.outputs = MemoryOutputs()
        self.connections = MemoryWorld().connections
        self.caller = Caller()
        self.records: dict[Key, Records] = {}

    @property
    def access(self) -> Access:
        return Access(
            self.workflows,
            self.runs,
            self.approvals,
            self.logs,
            self.outputs,
            self.connections,
            self.caller,
            self.local,
        )

    @property
    def tools(self) -> Tools:
        return Tools(
            terminal=self.terminal,
            load_settings=lambda place: CommandSettings(**{**self.environment, **overrides(place)}),
            open_access=self._open,
            open_scheduling=self._open_scheduling,
            drive_local=self._drive,
            check_text=lambda settings, text: validate_text(text, images={"bash": "", "python": ""}),
            now=lambda: NOON,
            new_suffix=lambda: "1a2b3c4d",
            key_records=self._key_records,
            key_set=lambda settings: {"keys": []},
            random=lambda: bytes(range(RANDOM_BYTES)),
            diagnose=self._diagnose,
        )

    def call(self, **place: Any) -> Call:
        return Call(self.tools, Place(**place))

    def penstock(self, *arguments: str) -> int:
        """Run the command line; its exit code."""
        return main(arguments, self.tools)

    async def _diagnose(self, settings: CommandSettings, installation: str, probe: bool) -> AsyncIterator[Finding]:
        self.looked_at.append((settings.local, installation, probe))
        for finding in self.findings:
            yield finding

    @asynccontextmanager
    async def _open(self, settings: CommandSettings, drive: bool) -> AsyncIterator[Access]:
        self.opened.append(settings)
        self.driving.append(drive)
        yield self.access

    @asynccontextmanager
    async def _key_records(self, settings: CommandSettings, secret: Key) -> AsyncIterator[Records]:
        yield self.records.setdefault(secret, Records())

    @asynccontextmanager
    async def _open_scheduling(self, settings: CommandSettings, tell: Callable[[str], None]) -> AsyncIterator[Access]:
        self.opened.append(settings)
        self.tell = tell
        yield self.access

    async def _drive(self, settings: CommandSettings) -> None:
        self.opened.append(settings)


def with_status(run: WorkflowRun, **status: Any) -> WorkflowRun:
    """The run with another status."""
    return WorkflowRun.model_validate({**run.to_wire(), "status": status})
