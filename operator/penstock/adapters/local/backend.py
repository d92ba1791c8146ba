"""All of local mode over one data directory: what people reach, what the reconcile loop needs, the driver."""

from __future__ import annotations

from collections.abc import Callable

from penstock.adapters.local.approval_store import LocalApprovals, LocalGates, approval_table
from penstock.adapters.local.attempts import AttemptTable
from penstock.adapters.local.caller import LocalCaller
from penstock.adapters.local.changes import Changes
from penstock.adapters.local.clean_up import CleanUp
from penstock.adapters.local.connection_store import LocalConnections
from penstock.adapters.local.database import Database
from penstock.adapters.local.driver import LocalDriver, Reconcile, RunStore
from penstock.adapters.local.driver_lock import DriverLock
from penstock.adapters.local.event_log import EventLog
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.log_files import LocalLogs
from penstock.adapters.local.output_store import LocalOutputs
from penstock.adapters.local.process_runner import HarnessSettings, ProcessRunner
from penstock.adapters.local.run_store import LocalLedger, LocalRuns, run_table
from penstock.adapters.local.schedule_driver import ScheduleDriver
from penstock.adapters.local.schedule_store import LocalScheduledRuns, LocalWorkflowLedger
from penstock.adapters.local.secret_folder import SecretCheck, SecretFolder
from penstock.adapters.local.workflow_store import LocalRevisions, LocalWorkflows, workflow_table
from penstock.application.janitor import Holdings, Janitor
from penstock.application.neighbours import Neighbours
from penstock.application.retention import Policy
from penstock.ports.access import Access
from penstock.ports.engine import Clock


class LocalBackend:
    """One data directory, opened. Belongs to one thread and one event loop."""

    def __init__(
        self,
        directory: DataDirectory,
        user: str,
        clock: Clock,
        new_id: Callable[[], str],
        harness: HarnessSettings,
    ) -> None:
        """Open the directory, which is made where it is missing.

        Args:
            directory: where everything is.
            user: name of the person at this machine.
            clock: the time.
            new_id: a new random text of letters and digits at each call; for UIDs and nonces.
            harness: how programs are started.

        """
        directory.create()
        self._directory = directory
        self._clock = clock
        self._database = Database(directory.database)
        self._changes = Changes(self._database)
        workflows = workflow_table(self._database, clock, new_id)
        runs = run_table(self._database, clock, new_id)
        self._store = RunStore(self._database, self._changes, runs)
        approvals = approval_table(self._database, clock, new_id)
        attempts = AttemptTable(self._database)
        outputs = LocalOutputs(self._database)
        self.connections = LocalConnections(self._database, clock, new_id)
        caller = LocalCaller(user)
        self.revisions = LocalRevisions(workflows, self._database)
        check_secrets = SecretCheck(SecretFolder(harness.secrets), self.revisions)
        self.access = Access(
            workflows=LocalWorkflows(workflows, self._database, self._changes, caller),
            runs=LocalRuns(runs, self._database, directory, self._changes, caller, check_secrets),
            approvals=LocalApprovals(approvals, self._database, caller, clock),
            logs=LocalLogs(directory, attempts, runs, self._changes),
            outputs=outputs,
            connections=self.connections,
            caller=caller,
            local=True,
        )
        self.ledger = LocalLedger(runs, self._database, clock)
        self.gates = LocalGates(approvals, self._database, new_id)
        self.runner = ProcessRunner(directory, attempts, harness, new_id)
        self.outputs = outputs
        self.events = EventLog(directory, clock)
        self.workflows = LocalWorkflowLedger(workflows, caller)
        self.scheduled = LocalScheduledRuns(runs, self.ledger)

    def driver(self, reconcile: Reconcile, neighbours: Neighbours | None = None) -> LocalDriver:
        """The driver of this directory; `reconcile` is one pass over a run with the ports of this backend."""
        lock = DriverLock(self._directory)
        return LocalDriver(self._store, self.runner, lock, reconcile, self._clock, neighbours)

    def clean_up(self, neighbours: Neighbours, otherwise: Policy) -> CleanUp:
        """What removes finished runs; `otherwise` is for those that say nothing, `neighbours` know what is needed."""
        holdings = Holdings(
            runs=self.ledger,
            workflows=self.workflows,
            revisions=self.revisions,
            delete=self.access.runs.delete,
            needed=neighbours.needed,
            clock=self._clock,
        )
        return CleanUp(self._database, self._directory, self.revisions, Janitor(holdings, otherwise), self._clock)

    def schedule_driver(self, look: Reconcile) -> ScheduleDriver:
        """Looks after the schedules of this directory; `look` is one pass over a Workflow."""
        return ScheduleDriver(self._database, self._changes, look, self._clock)

    async def close(self) -> None:
        """Let go of everything. Processes of attempts go on."""
        await self.runner.close()
        self._database.close()
