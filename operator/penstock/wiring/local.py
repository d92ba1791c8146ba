"""Local mode: one data directory, one driver, no cluster."""

from __future__ import annotations

import asyncio
import getpass
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.adapters.clock import SystemClock, new_id
from penstock.adapters.local.authority import LocalAuthority
from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.driven_access import DrivenScheduledRuns, driven
from penstock.adapters.local.driver import LocalDriver
from penstock.adapters.local.driver_lock import DetachedDriver
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import HarnessSettings
from penstock.adapters.schema_checker import SchemaChecker
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.cached_outputs import CachedOutputs
from penstock.application.child_runs import with_children
from penstock.application.neighbours import Neighbours
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Engine, Reconciler
from penstock.application.retention import Policy, installation_policy
from penstock.application.scheduler import Desk, Scheduler
from penstock.ports.access import Access
from penstock.ports.engine import EventSink
from penstock.settings import CommandSettings, process_environment
from penstock.wiring.assertions import local_key
from penstock_runtimes import all_runtimes, harness_command

Tell = Callable[[str], None]
"""Takes a line about what happened."""

log = logging.getLogger(__name__)

DRIVER_IDLE_SECONDS = 5.0
"""How long a detached driver stays when nothing is left to do: the next command then needs no new process."""


def local_images() -> Mapping[str, str]:
    """The runtimes of this installation; on one machine they have no image."""
    return dict.fromkeys(all_runtimes(), "")


@asynccontextmanager
async def local_access(settings: CommandSettings, *, drive: bool, tell: Tell | None = None) -> AsyncIterator[Access]:
    """What the person at this machine can reach; with `drive` this process moves the runs while the block lasts.

    With `tell` it starts the runs of schedules too, and tells what comes of it.
    """
    backend = _backend(settings)
    secrets = ("--secrets-dir", str(settings.secrets_folder))
    command = (sys.executable, "-m", "penstock.cli.main", "--local", "drive", *secrets)
    detached = DetachedDriver(DataDirectory(settings.data_dir), command)
    try:
        async with AsyncExitStack() as stack:
            if tell is not None:
                # A process that drives stands by where another one does, so nobody needs to be started.
                await stack.enter_async_context(_scheduling(backend, _nothing if drive else detached.ensure, tell))
            if not drive:
                yield driven(backend.access, detached.ensure)
                return
            driver = stack.enter_context(_driver(backend, _otherwise(settings)))
            try:
                async with driver.driving():
                    yield backend.access
            finally:
                if driver.unfinished():
                    detached.ensure()
    finally:
        await backend.close()


async def drive(settings: CommandSettings) -> None:
    """Move the runs of the data directory until nothing is left to do; at once when another process does."""
    backend = _backend(settings)
    try:
        with _driver(backend, _otherwise(settings)) as driver:
            await driver.drive(idle_seconds=DRIVER_IDLE_SECONDS)
    finally:
        await backend.close()


@asynccontextmanager
async def _scheduling(backend: LocalBackend, ensure: Callable[[], None], tell: Tell) -> AsyncIterator[None]:
    plans = PlanBook(local_images(), check_expression)
    desk = Desk(
        workflows=backend.workflows,
        runs=DrivenScheduledRuns(backend.scheduled, ensure),
        authority=LocalAuthority(),
        clock=SystemClock(),
        events=_Told(backend.events, tell),
    )
    scheduler = Scheduler(desk, lambda workflow: not plans.compile(workflow.spec).problems)
    task = asyncio.create_task(backend.schedule_driver(scheduler.look).run())
    task.add_done_callback(_complain)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@dataclass(frozen=True, slots=True)
class _Told:
    """An EventSink that somebody watches."""

    events: EventSink
    tell: Tell

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        self.events.emit(about, reason, message, warning=warning)
        self.tell(f"{about.metadata.namespace}/{about.metadata.name}: {message}")


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the schedules are looked after no longer", exc_info=task.exception())


def _otherwise(settings: CommandSettings) -> Policy:
    return installation_policy(settings.retention_succeeded, settings.retention_failed, settings.retention_keep)


def _nothing() -> None:
    pass


def _backend(settings: CommandSettings) -> LocalBackend:
    harness = HarnessSettings(
        command=tuple(harness_command()),
        inherited=process_environment(),
        secrets=settings.secrets_folder,
        signer=local_key(settings),
    )
    return LocalBackend(DataDirectory(settings.data_dir), getpass.getuser(), SystemClock(), new_id, harness)


@contextmanager
def _driver(backend: LocalBackend, otherwise: Policy) -> Iterator[LocalDriver]:
    evaluator = CelEvaluator()
    checker = SchemaChecker()
    engine = Engine(
        ledger=backend.ledger,
        revisions=backend.revisions,
        gates=backend.gates,
        runner=backend.runner,
        outputs=CachedOutputs(backend.outputs),
        connections=backend.connections,
        evaluator=evaluator,
        checker=checker,
        clock=SystemClock(),
        events=backend.events,
    )
    plans = PlanBook(local_images(), evaluator.check_expression)
    try:
        neighbours = Neighbours()
        whole = with_children(engine, neighbours.families, LocalAuthority())
        reconciler = Reconciler(whole, plans, neighbours=neighbours, self_approval=True)
        driver = backend.driver(reconciler.reconcile, neighbours)
        driver.clean_with(backend.clean_up(neighbours, otherwise))
        yield driver
    finally:
        evaluator.close()
        checker.close()
