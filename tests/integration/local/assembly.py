"""A backend with a driver that uses the real engine, as the command line has it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.driver import LocalDriver
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import HarnessSettings
from penstock.application.neighbours import Neighbours
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Engine, Reconciler
from penstock.ports.engine import Evaluator
from penstock.testing.memory_world import CannedEvaluator, PlainChecker
from penstock_runtimes import all_runtimes, harness_command


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  this is the clock that others are given


def open_backend(folder: Path, *, grace_seconds: float = 0.5) -> LocalBackend:
    harness = HarnessSettings(harness_command(), {"PATH": os.defpath}, folder / "secrets", grace_seconds=grace_seconds)
    return LocalBackend(DataDirectory(folder), "alice", SystemClock(), lambda: token_hex(16), harness)


def driver_of(backend: LocalBackend, evaluator: Evaluator | None = None) -> LocalDriver:
    engine = Engine(
        ledger=backend.ledger,
        revisions=backend.revisions,
        gates=backend.gates,
        runner=backend.runner,
        outputs=backend.outputs,
        connections=backend.connections,
        evaluator=evaluator or CannedEvaluator(),
        checker=PlainChecker(),
        clock=SystemClock(),
        events=backend.events,
    )
    plans = PlanBook(dict.fromkeys(all_runtimes(), ""), lambda text: None)
    neighbours = Neighbours()
    reconciler = Reconciler(engine, plans, neighbours=neighbours, self_approval=True)
    return backend.driver(reconciler.reconcile, neighbours)
