"""The operator's side of a cluster, put together: what is seen, what is known, what is done to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from structlog.contextvars import bound_contextvars

from penstock.adapters.kube.access import kube_access
from penstock.adapters.kube.approval_gates import ApprovalGates, run_of
from penstock.adapters.kube.asking import KINDS, insist
from penstock.adapters.kube.attempt_maker import AttemptMaker, signing
from penstock.adapters.kube.attempt_sight import AttemptSight
from penstock.adapters.kube.authority import KubeAuthority
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.connection_looks import KubeConnectionLedger, KubeLookRuns
from penstock.adapters.kube.connections import KubeConnections
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.event_sink import KubeEvents
from penstock.adapters.kube.figures import OperatorFigures, Standing, waiting_since
from penstock.adapters.kube.job_closer import JobCloser
from penstock.adapters.kube.job_runner import Hooks, JobRunner
from penstock.adapters.kube.log_keeper import LogKeeper
from penstock.adapters.kube.outputs import KubeOutputs
from penstock.adapters.kube.resources import APPROVALS, CONNECTIONS, RUNS, WORKFLOWS
from penstock.adapters.kube.revisions import KubeRevisions, revision_of
from penstock.adapters.kube.run_ledger import RunLedger
from penstock.adapters.kube.run_sight import RunSight
from penstock.adapters.kube.scheduled_runs import KubeScheduledRuns
from penstock.adapters.kube.side_settings import SideSettings
from penstock.adapters.kube.side_work import kept_up
from penstock.adapters.kube.start_pace import StartPace, may_wait
from penstock.adapters.kube.workflow_keeper import WorkflowKeeper
from penstock.adapters.kube.workflow_ledger import KubeWorkflowLedger
from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow, WorkflowSpec
from penstock.application.cached_steps import CachedSteps
from penstock.application.connection_looks import ConnectionLooks, Observatory
from penstock.application.janitor import Holdings, Janitor, Shelf
from penstock.application.neighbours import Neighbours
from penstock.application.notifications import Notifier
from penstock.application.old_revisions import OldRevisions
from penstock.application.plans import PlanBook
from penstock.application.run_spans import Measured
from penstock.application.scheduler import Desk, Scheduler
from penstock.application.work_queue import WorkQueue
from penstock.engine.model import AttemptId
from penstock.errors import BugError, PenstockError, Problem
from penstock.ports.access import Key
from penstock.ports.engine import Clock

_WARM_CONNECTIONS = 8
_PRUNE_EVERY = 600.0

_log = logging.getLogger(__name__)


class ClusterSide:
    """Ports of the engine for a cluster, the watches that feed them, and the queues that work for them.

    `heard` is fed with watch events of our own kinds, runs left out, by whoever watches those.
    """

    def __init__(
        self,
        client: KubeClient,
        clock: Clock,
        plans: PlanBook,
        settings: SideSettings,
        figures: OperatorFigures | None = None,
    ) -> None:
        self._client = client
        self.figures = figures or OperatorFigures(clock)
        self.figures.look_with(self._standing)
        self._active = False
        self._plans = plans
        self._namespaces = settings.namespaces
        self.neighbours = Neighbours()
        self._cached = CachedSteps()
        self._reconcile: Callable[[Key], Awaitable[datetime | None]] | None = None
        self._copies_and_queues(client, clock, settings)
        self.sight = AttemptSight(client, settings.namespaces, news_of=self.figures.watch)
        self.revisions = KubeRevisions(client, self._workflows, self._is_valid, self._pace.known_since)
        self.workflows = KubeWorkflowLedger(client, self._workflows)
        self._keeper = WorkflowKeeper(self.workflows, self._workflows, self.revisions, self._check, clock)
        self.ledger = RunLedger(client, self._runs, clock, self._run_queue.add, self._cached, self._run_written)
        self.gates = ApprovalGates(client, self._requests, _nonce, self._gate_settled)
        self.outputs = KubeOutputs(client)
        self.connections = KubeConnections(client)
        self.events = KubeEvents(client, clock, settings.instance, _nonce, lambda: self.sight.starting)
        self._log_keeper = LogKeeper(client, self.sight, self._runs, clock, self._log_queue.add)
        self.scheduled = KubeScheduledRuns(self._runs, self.ledger)
        desk = Desk(self.workflows, self.scheduled, KubeAuthority(client), clock, self.events)
        self._scheduler = Scheduler(desk, self._is_ready)
        holdings = Holdings(
            runs=self.ledger,
            workflows=self.workflows,
            revisions=self.revisions,
            delete=kube_access(client).runs.delete,
            needed=self.neighbours.needed,
            clock=clock,
        )
        self._janitor = Janitor(holdings, settings.retention)
        # One worker: one removal at a time.
        self._janitor_queue: WorkQueue[Shelf] = WorkQueue(
            self._janitor.look, clock, workers=1, passes=self.figures.queue("retention")
        )
        self._janitor.subscribe(self._janitor_queue.add)
        self._old_revisions = OldRevisions(self.revisions, self.workflows, clock)
        self._revision_queue: WorkQueue[Key] = WorkQueue(
            self._old_revisions.look, clock, workers=1, passes=self.figures.queue("revisions")
        )
        self._old_revisions.subscribe(self._revision_queue.add)
        self._further_parts(client, clock, settings)

    def _further_parts(self, client: KubeClient, clock: Clock, settings: SideSettings) -> None:
        self._notifier = Notifier(self._requests.get, settings.channels, self.gates, clock, settings.notices)
        self._notifier.on_sent = self.figures.notified
        self._tells = bool(settings.channels)
        self._clock, self._traces = clock, settings.traces
        look_runs = KubeLookRuns(self._runs, self.ledger, self.outputs)
        seen = Observatory(KubeConnectionLedger(client, self._connections), look_runs, clock)
        self._looks = ConnectionLooks(seen, settings.look_every)
        maker = AttemptMaker(client, self.sight, settings.pod, _nonce, signing(settings.signer, clock))
        hooks = Hooks(
            wake=self._run_queue.add,
            look=lambda run, after: self._run_queue.add_at(run, clock.now() + after),
            close=self._job_queue.add,
            keep=self._log_keeper.take,
            asked=lambda run: self.figures.part("queue", self._waited(run)),
            timed=self._timed,
        )
        self.sight.listen(lambda _job: None, self._pace.pod_changed)
        self.runner = JobRunner(client, self.sight, maker, hooks, settings.patience)
        self._closer = JobCloser(client, self.sight, self._runs, clock, self._job_queue.add)

    def _copies_and_queues(self, client: KubeClient, clock: Clock, settings: SideSettings) -> None:
        self._workflows = Copies(
            client, WORKFLOWS, Workflow, on_change=self._workflow_changed, on_gone=self._workflow_gone
        )
        self._runs = Copies(client, RUNS, WorkflowRun, on_change=self._run_changed, on_gone=self._run_gone)
        news, hear_run = self.figures.watch(RUNS.plural), partial(self.heard, RUNS.plural)
        self._run_sight = RunSight(client, self._runs, settings.namespaces, hear_run, news)
        self._connections = Copies(client, CONNECTIONS, Connection)
        self._requests = Copies(client, APPROVALS, ApprovalRequest, on_change=self._request_changed, group_of=run_of)

        def queue(handler: Callable[[Key], Awaitable[datetime | None]], workers: int, name: str) -> WorkQueue[Key]:
            return WorkQueue(handler, clock, workers=workers, passes=self.figures.queue(name))

        self._run_queue = queue(self._reconcile_run, settings.workers, "runs")
        self._pace = StartPace(self._run_queue.add)
        self._workflow_queue = queue(self._reconcile_workflow, 4, "workflows")
        self._job_queue = queue(self._close_job, 8, "jobs")
        self._log_queue = queue(self._keep_logs, 2, "logs")
        # A service that does not answer keeps a worker for as long as its time limit.
        self._notice_queue = queue(self._notify, 8, "notifications")
        self._look_queue = queue(self._look, 1, "connections")
        self.neighbours.subscribe(self._run_queue.add)

    async def kinds_are_served(self) -> None:
        """Return once the API server knows our kinds; whoever watches them had better wait for that."""
        await insist(partial(self._client.get, KINDS, as_dict), "our kinds")

    def heard(self, plural: str, event: str | None, found: Mapping[str, Any]) -> None:
        """Take in a watch event of one of our kinds. Call it from the loop that everything else runs in."""
        self.figures.heard(plural)
        if plural == WORKFLOWS.plural:
            key = self._workflows.heard(event, found)
            if key is not None and event != "DELETED":
                self._workflow_queue.add(key)
        elif plural == RUNS.plural:
            key = self._runs.heard(event, found)
            if key is not None:
                self._run_queue.add(key)
        elif plural == APPROVALS.plural:
            self._requests.heard(event, found)
            if event == "DELETED":
                reference = found["spec"]["request"]["run"]
                self._run_queue.add(Key(found["metadata"]["namespace"], reference["name"]))
        elif plural == CONNECTIONS.plural:
            key = self._connections.heard(event, found)
            if key is not None and event != "DELETED":
                self._look_queue.add(key)

    async def follow(self) -> None:
        """Watch runs, Jobs and pods, send Events, keep connections warm, without end. All replicas do."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sight.run())
            group.create_task(self._run_sight.run())
            group.create_task(kept_up("sending of Events", self.events.run))
            group.create_task(kept_up("keeping of connections", partial(self._client.keep_warm, _WARM_CONNECTIONS)))
            group.create_task(kept_up("looking for what went away unnoticed", self._prune))

    async def work(self, reconcile: Callable[[Key], Awaitable[datetime | None]]) -> None:
        """Drive runs with `reconcile`, close Jobs, look after Workflows, without end. Only the active replica does."""
        await self.sight.synced()
        await self._know_all_runs()
        self.revisions.clear()
        self._reconcile = reconcile
        self._pace.clear()
        # What another replica left, or a spell of leading that was cut short: everything is looked at once.
        for run in self._runs:
            self._run_queue.add(_key(run))
        for workflow in self._workflows:
            self._workflow_queue.add(_key(workflow))
        for request in self._requests:
            self._request_changed(request)
        for connection in self._connections:
            self._look_queue.add(_key(connection))
        self._active = True
        try:
            async with asyncio.TaskGroup() as group:
                for queue in self._queues.values():
                    group.create_task(queue.run())
                group.create_task(kept_up("looking for old revisions", self._survey_revisions))
        finally:
            self._active = False

    @property
    def heard_at(self) -> float | None:
        """Monotonic time of the oldest last sign of life among its own watches; None before all first lists."""
        pods, runs = self.sight.heard_at, self._run_sight.heard_at
        return None if pods is None or runs is None else min(pods, runs)

    @property
    def _queues(self) -> Mapping[str, WorkQueue[Any]]:
        return {
            "runs": self._run_queue,
            "workflows": self._workflow_queue,
            "jobs": self._job_queue,
            "logs": self._log_queue,
            "revisions": self._revision_queue,
            "retention": self._janitor_queue,
            "notifications": self._notice_queue,
            "connections": self._look_queue,
        }

    def _standing(self) -> Standing:
        """How things stand, for a scrape: looked up, so that nobody has to keep count."""
        now, heard = time.monotonic(), self._run_sight.heard_at
        return Standing(
            active=self._active,
            runs=Counter(run.status.phase for run in self._runs),
            waiting=waiting_since(self._requests),
            queues={name: (len(queue), queue.timers) for name, queue in self._queues.items()},
            held=len(self._pace),
            log_streams=self.runner.streams,
            silences=self.sight.silences(now) | ({RUNS.plural: now - heard} if heard is not None else {}),
        )

    def _run_written(self, before: WorkflowRun, after: WorkflowRun) -> None:
        for _ in range(self.figures.run_written(before, after)):
            self.figures.part("result", self._since_woken(_key(after)))
        if self._traces is not None:
            self._traces.run_written(before, after, self._clock.now())

    def _timed(self, key: Key, at: AttemptId, pod_start: float, program: float) -> None:
        self.figures.timed(pod_start, program)
        run = self._runs.get(key) if self._traces is not None else None
        if self._traces is not None and run is not None:
            took = Measured(timedelta(seconds=pod_start), timedelta(seconds=program), self._clock.now())
            self._traces.attempt_ended(run, at, took)

    def _gate_settled(self, request: ApprovalRequest) -> None:
        self.figures.gate_settled(request)
        run = self._runs.get(Key(request.metadata.namespace, request.spec.request.run.name))
        if self._traces is not None and run is not None:
            self._traces.gate_settled(run, request, self._clock.now())

    def _waited(self, run: Key) -> float:
        """Seconds since there was something to do about a run."""
        since = self._pace.known_since(run)
        return self._since_woken(run) if since is None else asyncio.get_running_loop().time() - since

    def _since_woken(self, run: Key) -> float:
        return time.monotonic() - self._run_queue.woken_at(run)

    async def _know_all_runs(self) -> None:
        """Whose turn it is, and who had an idempotency key first, can only be told by whoever knows everybody."""
        for namespace in self._namespaces or (None,):
            await insist(partial(self._runs.list_all, namespace), "the runs")
        self.neighbours.clear()
        for run in self._runs:
            self.neighbours.notice(run)

    async def _survey_revisions(self) -> None:
        for namespace in self._namespaces or (None,):
            kept = await insist(partial(self.revisions.kept, namespace), "the revisions of Workflows")
            self._old_revisions.survey(kept)

    def _request_changed(self, request: ApprovalRequest) -> None:
        # However it came to be known: a vote that is found when the gate is asked again is news to no watch any more.
        self._run_queue.add(Key(request.metadata.namespace, request.spec.request.run.name))
        if self._tells:
            self._notice_queue.add(Key(request.metadata.namespace, request.metadata.name))

    def _run_gone(self, run: WorkflowRun) -> None:
        self.neighbours.gone(run)
        self._cached.gone(run)
        self._janitor.gone(run.metadata.uid)
        self._old_revisions.gone(run)
        self._looks.gone(run)

    def _workflow_changed(self, workflow: Workflow) -> None:
        self._janitor.workflow_changed(_key(workflow))
        self._old_revisions.notice_workflow(workflow)

    def _workflow_gone(self, workflow: Workflow) -> None:
        self._janitor.workflow_changed(_key(workflow))
        self._old_revisions.workflow_gone(_key(workflow))

    def _run_changed(self, run: WorkflowRun) -> None:
        self.neighbours.notice(run)
        self._janitor.notice(run)
        self._cached.notice(run)
        self._old_revisions.notice(run)
        self.runner.run_changed(run)
        self._closer.run_changed(run)
        self._log_keeper.run_changed(run)
        connection = self._looks.notice(run)
        if connection is not None:
            self._look_queue.add(connection)

    def _check(self, digest: str, spec: WorkflowSpec) -> tuple[Problem, ...]:
        return self._plans.lookup(digest, spec).problems

    async def _reconcile_run(self, key: Key) -> datetime | None:
        if self._reconcile is None:
            raise BugError("a run was to be driven before anybody was there to drive it")
        run = self._runs.get(key)
        if run is not None and may_wait(run) and not self._pace.admits(key):
            return None
        try:
            with bound_contextvars(run=str(key)):
                return await self._reconcile(key)
        finally:
            self._pace.looked(key)

    def _is_valid(self, digest: str, spec: WorkflowSpec) -> bool:
        return not self._check(digest, spec)

    def _is_ready(self, workflow: Workflow) -> bool:
        return self._is_valid(revision_of(workflow.metadata.name, workflow.spec).digest, workflow.spec)

    async def _reconcile_workflow(self, key: Key) -> datetime | None:
        await self._keeper.reconcile(key)
        return await self._scheduler.look(key)

    async def _notify(self, key: Key) -> datetime | None:
        return await self._notifier.look(key)

    async def _look(self, key: Key) -> datetime | None:
        return await self._looks.look(key)

    async def _close_job(self, key: Key) -> datetime | None:
        return await self._closer.reconcile(key)

    async def _keep_logs(self, key: Key) -> datetime | None:
        return await self._log_keeper.reconcile(key)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(_PRUNE_EVERY)
            with contextlib.suppress(PenstockError):
                for copies in (self._runs, self._workflows, self._requests, self._connections):
                    # Where namespaces are named, the operator has no rights beyond them.
                    for namespace in self._namespaces or (None,):
                        await copies.prune(namespace)


def _nonce() -> str:
    return secrets.token_hex(16)


def _key(found: WorkflowRun | Workflow | Connection) -> Key:
    return Key(found.metadata.namespace, found.metadata.name)
