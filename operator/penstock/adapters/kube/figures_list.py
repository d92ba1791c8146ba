"""The list of the operator's metrics. docs/reference/metrics.md, the alert rules and the dashboard rest on it."""

from __future__ import annotations

from penstock.adapters.metrics import PEOPLE, QUICK, SLOW, Metric
from penstock.engine.model import FINISHED_RUN, RunPhase

QUEUES = ("runs", "workflows", "jobs", "logs", "revisions", "retention", "notifications", "connections")
CHANNELS = ("webhook", "chat", "mail")
PARTS = ("queue", "pod_start", "program", "result")
PASS_ERRORS = ("conflict", "transient", "error")
WATCHED = ("workflows", "workflowruns", "approvalrequests", "connections", "jobs", "pods")
RESTARTED = ("workflowruns", "jobs", "pods", "kopf")
RUN_PHASES = tuple(str(phase) for phase in RunPhase)
RUN_ENDINGS = tuple(phase for phase in RUN_PHASES if RunPhase(phase) in FINISHED_RUN)
STEP_ENDINGS = ("Succeeded", "Failed", "Skipped", "Cancelled")
OUTCOMES = ("Approved", "Rejected", "Expired", "Bypassed", "Superseded")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WRITTEN = (
    "workflows/status",
    "workflowruns",
    "workflowruns/status",
    "approvalrequests",
    "approvalrequests/status",
    "jobs",
    "jobs/status",
    "pods",
    "configmaps",
    "controllerrevisions",
    "events",
    "leases",
    "localsubjectaccessreviews",
)
WRITE_OUTCOMES = (
    "ok",
    "already_exists",
    "conflict",
    "not_found",
    "forbidden",
    "quota_exceeded",
    "invalid_input",
    "unavailable",
    "error",
)


def _some(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


BUILD = Metric("penstock_build_info", "gauge", "Always 1; which version runs.", {"version": "of Penstock"})
ACTIVE = Metric("penstock_active", "gauge", "1 on the replica that drives the runs, 0 on those that stand by.")
RUNS = Metric("penstock_runs", "gauge", "Runs that are kept. Of the active replica.", {"phase": _some(RUN_PHASES)})
RUN_ENDS = Metric("penstock_run_ends_total", "counter", "Runs that came to their end.", {"phase": _some(RUN_ENDINGS)})
RUN_WAITS = Metric(
    "penstock_run_wait_seconds",
    "histogram",
    "From a run's creation, which the API server tells in whole seconds, until it begins: its turn, and the operator.",
    bounds=SLOW,
)
RUN_TIMES = Metric("penstock_run_seconds", "histogram", "From the beginning of a run to its end.", bounds=SLOW)
STEP_ENDS = Metric(
    "penstock_step_ends_total", "counter", "Steps that came to their end.", {"phase": _some(STEP_ENDINGS)}
)
STEP_PARTS = Metric(
    "penstock_step_part_seconds",
    "histogram",
    "Where the time of a step's attempt goes. queue: from the news that lets it start until its Job and pod are asked "
    "for. pod_start: until its program begins, installing dependencies included. program: as its harness measures it. "
    "result: from the news of its result until that is written. Containers without a harness have the first and the "
    "last alone.",
    {"part": _some(PARTS)},
    (*QUICK, 60.0, 300.0, 900.0, 3600.0),
)
APPROVAL_TIMES = Metric(
    "penstock_approval_seconds",
    "histogram",
    "From the moment a gate was asked until it ended; its count is how many ended so.",
    {"outcome": _some(OUTCOMES)},
    PEOPLE,
)
APPROVALS_WAITING = Metric("penstock_approvals_waiting", "gauge", "Gates that wait for people. Of the active replica.")
APPROVALS_OLDEST = Metric(
    "penstock_approval_oldest_seconds", "gauge", "Age of the gate that waits longest; 0 where none does."
)
WRITES = Metric(
    "penstock_api_writes_total",
    "counter",
    "Mutating requests to the API server; those for Leases and Events too, which `five writes a step` leaves out.",
    {
        "verb": _some(tuple(VERBS.values())),
        "resource": f"{_some(WRITTEN)}, `other`",
        "outcome": _some(WRITE_OUTCOMES),
    },
)
WRITE_TIMES = Metric(
    "penstock_api_write_seconds",
    "histogram",
    "How long the API server took to answer them.",
    {"verb": _some(tuple(VERBS.values()))},
    QUICK,
)
WATCH_RESTARTS = Metric(
    "penstock_watch_restarts_total",
    "counter",
    "Watches that broke and were opened again; `kopf` is the thread that watches our other kinds.",
    {"resource": _some(RESTARTED)},
)
WATCH_EVENTS = Metric(
    "penstock_watch_events_total", "counter", "Changes that watches told of.", {"resource": _some(WATCHED)}
)
WATCH_SILENCE = Metric(
    "penstock_watch_silence_seconds",
    "gauge",
    "Since the API server was last heard of. Bookmarks come every minute, so much more than 60 means that what the "
    "operator sees is old.",
    {"resource": _some(("workflowruns", "jobs", "pods"))},
)
QUEUE_DEPTH = Metric(
    "penstock_queue_depth", "gauge", "Keys that wait for a worker or have one.", {"queue": _some(QUEUES)}
)
QUEUE_TIMERS = Metric("penstock_queue_timers", "gauge", "Keys that wait for a time.", {"queue": _some(QUEUES)})
QUEUE_WAIT = Metric(
    "penstock_queue_wait_seconds",
    "histogram",
    "From the moment a key was queued until a worker had it.",
    {"queue": _some(QUEUES)},
    QUICK,
)
PASSES = Metric(
    "penstock_pass_seconds", "histogram", "How long one pass over one key took.", {"queue": _some(QUEUES)}, QUICK
)
PASS_ERRORS_TOTAL = Metric(
    "penstock_pass_errors_total",
    "counter",
    "Passes that failed and are made again. conflict: somebody wrote first, the ordinary course of things. transient: "
    "the API server was away or refused for a moment. error: see the log.",
    {"queue": _some(QUEUES), "kind": _some(PASS_ERRORS)},
)
NOTIFICATIONS = Metric(
    "penstock_notifications_total",
    "counter",
    "Tries to tell people of a gate. failed is tried again, refused is not.",
    {"channel": _some(CHANNELS), "outcome": "`sent`, `failed`, `refused`"},
)
RUNS_HELD = Metric(
    "penstock_runs_held", "gauge", "Runs that wait with beginning until nodes have started the programs of others."
)
LOG_STREAMS = Metric("penstock_log_streams", "gauge", "Logs of attempts that are followed.")

METRICS = (
    BUILD,
    ACTIVE,
    RUNS,
    RUN_ENDS,
    RUN_WAITS,
    RUN_TIMES,
    STEP_ENDS,
    STEP_PARTS,
    APPROVALS_WAITING,
    APPROVALS_OLDEST,
    APPROVAL_TIMES,
    WRITES,
    WRITE_TIMES,
    WATCH_RESTARTS,
    WATCH_EVENTS,
    WATCH_SILENCE,
    QUEUE_DEPTH,
    QUEUE_TIMERS,
    QUEUE_WAIT,
    PASSES,
    PASS_ERRORS_TOTAL,
    RUNS_HELD,
    LOG_STREAMS,
    NOTIFICATIONS,
)
"""In the order of the documentation."""
