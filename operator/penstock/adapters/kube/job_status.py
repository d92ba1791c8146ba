"""The one status patch that closes a managed Job. Pure.

What the API server accepts in one step was tried on 1.36: start time, counters, and both conditions of the end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from penstock.adapters.kube.attempts import container_state
from penstock.adapters.kube.objects import Job, Pod

_COUNTERS = {"active": 0, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}


def closing_patch(job: Job, pod: Pod | None, now: datetime) -> dict[str, Any]:
    """Merge patch for the status: Complete, at the moment at which the pod succeeded, else Failed."""
    moment = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    started = job.status.start_time or (pod.status.start_time if pod else None) or job.metadata.creation_timestamp
    if pod is not None and pod.status.phase == "Succeeded":
        conditions = _conditions(
            ("SuccessCriteriaMet", "Complete"), "CompletionsReached", "The step's pod ended.", moment
        )
        ended = container_state(pod).terminated
        completed = (ended.finished_at if ended else None) or moment
        end = {"succeeded": 1, "completionTime": max(completed, started or completed), "conditions": conditions}
    else:
        reason, message = _why(pod)
        end = {"failed": 1, "conditions": _conditions(("FailureTarget", "Failed"), reason, message, moment)}
    return {"status": {"startTime": started or moment, **_COUNTERS, **end}}


def _why(pod: Pod | None) -> tuple[str, str]:
    if pod is None:
        return "PodGone", "The attempt has no pod any more."
    if pod.status.reason == "DeadlineExceeded":
        return "DeadlineExceeded", "The pod ran longer than its deadline."
    # With backoffLimit 0 this is what the built-in controller says of any other failed pod.
    return "BackoffLimitExceeded", pod.status.message or "The step's pod failed."


def _conditions(types: tuple[str, str], reason: str, message: str, moment: str) -> list[dict[str, str]]:
    return [
        {
            "type": each,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastProbeTime": moment,
            "lastTransitionTime": moment,
        }
        for each in types
    ]
