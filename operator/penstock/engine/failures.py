"""Every code that the engine gives a failure: what it means, what to do next, whether another attempt may help.

This is the one list. `docs/reference/errors.md` is made from it, `penstock explain` speaks out of it, and whatever
makes a Failure takes its code from here. A script's own codes are not in it: they pass through as the script gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from penstock.engine.model import Failure


class FailureCode(StrEnum):
    """The engine's own codes. Stable: programs match on them."""

    # Of the run, before anything starts
    WORKFLOW_NOT_FOUND = "WORKFLOW_NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    REFUSED = "REFUSED"
    # A call to a Connection
    CONNECTION_MISSING = "CONNECTION_MISSING"
    CALL_REFUSED = "CALL_REFUSED"
    CALL_FAILED = "CALL_FAILED"
    ANSWER_UNEXPECTED = "ANSWER_UNEXPECTED"
    ANSWER_NOT_RECORDED = "ANSWER_NOT_RECORDED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    RULE_BROKEN = "RULE_BROKEN"
    # Decisions of the engine and of people
    CANCELLED = "CANCELLED"
    CHILD_CANCELLED = "CHILD_CANCELLED"
    RUN_TIMED_OUT = "RUN_TIMED_OUT"
    IDEMPOTENCY_KEY_USED = "IDEMPOTENCY_KEY_USED"
    CONCURRENCY_LIMIT = "CONCURRENCY_LIMIT"
    NEED_FAILED = "NEED_FAILED"
    EXPRESSION_ERROR = "EXPRESSION_ERROR"
    REJECTED = "REJECTED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    IMAGE_NOT_PINNED = "IMAGE_NOT_PINNED"
    ITEMS_INVALID = "ITEMS_INVALID"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    ITEMS_FAILED = "ITEMS_FAILED"
    SUPERSEDED = "SUPERSEDED"
    JOB_NAME_CONFLICT = "JOB_NAME_CONFLICT"
    # An attempt that came to no program
    UNSCHEDULABLE = "UNSCHEDULABLE"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    IMAGE_PULL_FAILED = "IMAGE_PULL_FAILED"
    IMAGE_RUNS_AS_ROOT = "IMAGE_RUNS_AS_ROOT"
    CONTAINER_CONFIG_INVALID = "CONTAINER_CONFIG_INVALID"
    SECRET_MISSING = "SECRET_MISSING"  # noqa: S105  the name of a code
    POD_NOT_READY = "POD_NOT_READY"
    CONTAINER_FAILED = "CONTAINER_FAILED"
    NODE_REFUSED = "NODE_REFUSED"
    INPUT_INVALID = "INPUT_INVALID"
    INPUT_MISMATCH = "INPUT_MISMATCH"
    RUNTIME_MISSING = "RUNTIME_MISSING"
    DEPENDENCIES_FAILED = "DEPENDENCIES_FAILED"
    # A program that did not end well
    SCRIPT_FAILED = "SCRIPT_FAILED"
    TIMED_OUT = "TIMED_OUT"
    SIGNALLED = "SIGNALLED"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    OUTPUT_TOO_LARGE = "OUTPUT_TOO_LARGE"
    OUTPUT_NOT_STORED = "OUTPUT_NOT_STORED"
    OUTPUT_LOST = "OUTPUT_LOST"
    HARNESS_ERROR = "HARNESS_ERROR"
    # A program that something outside ended
    OOM_KILLED = "OOM_KILLED"
    DISK_FULL = "DISK_FULL"
    EVICTED = "EVICTED"
    DEADLINE = "DEADLINE"
    NODE_LOST = "NODE_LOST"
    STOPPED = "STOPPED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says to people."""

    happened: str
    """What happened, as a sentence."""
    advice: str
    """What to do next, as a sentence."""
    retried: bool = True
    """Another attempt may come to something else, so `retry` of the step applies."""
    harness: bool = False
    """The harness of an attempt may say so in its result record; of all others only the engine can know."""


FAILURES: Final[Mapping[FailureCode, Meaning]] = MappingProxyType(
    {
        FailureCode.WORKFLOW_NOT_FOUND: Meaning(
            "There is no Workflow, or no revision of it, by the name that the run gives.",
            "Create the Workflow or correct `spec.workflow`, then start a new run.",
            retried=False,
        ),
        FailureCode.INVALID_INPUT: Meaning(
            "The Workflow is not valid, or the run's context does not fit its inputs. Nothing was started.",
            "Correct what the reason lists (`penstock validate FILE` shows the lines), then start a new run.",
            retried=False,
        ),
        FailureCode.REFUSED: Meaning(
            "The API server, or this installation, does not let the step run; the reason holds its own words.",
            "Change what the reason names in the step, or ask who administers the cluster to allow it.",
            retried=False,
        ),
        FailureCode.CONNECTION_MISSING: Meaning(
            "There is no Connection by the name that the step gives, so nothing was called.",
            "Create the Connection in the run's namespace (`kubectl get pconn` lists them) or correct `connection`.",
            retried=False,
        ),
        FailureCode.CALL_REFUSED: Meaning(
            "The step's Connection does not allow what the step would do. Nothing was called.",
            "Change the step, or have whoever keeps the Connection add a rule to its `allow`.",
            retried=False,
            harness=True,
        ),
        FailureCode.CALL_FAILED: Meaning(
            "What the step called did not answer, or its answer could not be read to the end.",
            "Look at the reason and at that system; `retry` of the step tries again later.",
            harness=True,
        ),
        FailureCode.ANSWER_UNEXPECTED: Meaning(
            "What the step called answered otherwise than the step expects: another status, or another shape.",
            "Look at the reason; correct the call, or write what else is right into `expect`.",
            harness=True,
        ),
        FailureCode.ANSWER_NOT_RECORDED: Meaning(
            "The step's Connection has recorded answers, and none of them is for this question. No model was asked.",
            "Ask one of the questions that the reason lists, or give the Connection a provider, a model and a key.",
            retried=False,
            harness=True,
        ),
        FailureCode.BUDGET_EXCEEDED: Meaning(
            "The questions and answers of the `llm` step took more tokens than its `budget` allows.",
            "Look at what the model had to correct; give it less `data`, or raise `budget` of the step.",
            retried=False,
            harness=True,
        ),
        FailureCode.RULE_BROKEN: Meaning(
            "A rule of the step does not hold for what it would have written. Nothing was written.",
            "Look at the reason; give other values, or have whoever keeps the Workflow change `rules`.",
            retried=False,
            harness=True,
        ),
        FailureCode.CANCELLED: Meaning(
            "Somebody asked for the run to be cancelled.",
            "Start a new run if it was not meant.",
            harness=True,
        ),
        FailureCode.CHILD_CANCELLED: Meaning(
            "The run that the step had started was cancelled, while the run that the step belongs to went on.",
            "Retry the run if it was not meant; cancel the outer run to stop both.",
            retried=False,
        ),
        FailureCode.RUN_TIMED_OUT: Meaning(
            "The run did not end within the Workflow's `timeout`; what still ran was stopped.",
            "Look at which step took long, or raise `timeout` of the Workflow.",
            retried=False,
        ),
        FailureCode.IDEMPOTENCY_KEY_USED: Meaning(
            "Another run has the same idempotency key, so this one did not start.",
            "Look at the run that the reason names, or use a new key for a new run.",
            retried=False,
        ),
        FailureCode.CONCURRENCY_LIMIT: Meaning(
            "As many runs of the Workflow as its `concurrency` allows were going on, and it does not let runs queue.",
            "Start a new run when one of those has ended, or set `concurrency.onLimit: queue`.",
            retried=False,
        ),
        FailureCode.NEED_FAILED: Meaning(
            "The step was skipped, for a step that it needs did not succeed.",
            "Look at the step that the reason names. `onFailure: continue` there lets this one go on all the same.",
            retried=False,
        ),
        FailureCode.EXPRESSION_ERROR: Meaning(
            "An expression of the Workflow could not be worked out with the values of this run.",
            "Correct the expression that the reason quotes; `has(x.y)` guards what may be missing.",
            retried=False,
        ),
        FailureCode.REJECTED: Meaning(
            "An approver rejected the gate of this step.",
            "Read the comment of the decision (`penstock get approval NAME`), then start a new run if that helps.",
            retried=False,
        ),
        FailureCode.APPROVAL_EXPIRED: Meaning(
            "Nobody decided on the gate of this step in time.",
            "Start a new run and see that an approver knows of it, or raise `expiresAfter` of the gate.",
            retried=False,
        ),
        FailureCode.IMAGE_NOT_PINNED: Meaning(
            "The step has a gate, and its image is not named by digest, so nobody could say what an approval allows.",
            "Name the image as `name@sha256:…`, in the step or among the operator's runtimes.",
            retried=False,
        ),
        FailureCode.ITEMS_INVALID: Meaning(
            "What `forEach` gives is not a list, or an item of it is null. Nothing of the step was started.",
            "Correct the expression, or what the step before it gives; leave null items out.",
            retried=False,
        ),
        FailureCode.TOO_MANY_ITEMS: Meaning(
            "The list of `forEach` has more items than a step takes. Nothing of the step was started.",
            "Give each item more to do, or split the list over several steps.",
            retried=False,
        ),
        FailureCode.ITEMS_FAILED: Meaning(
            "More items of the step failed for good than `itemFailures` tolerates; the reason names the first.",
            "Look at `items.failures` of the step and at its log, or tolerate more with `itemFailures.tolerated`.",
            harness=True,
        ),
        FailureCode.SUPERSEDED: Meaning(
            "What the attempt would run changed after it was written down, as when an image of a runtime was replaced.",
            "Start a new run: it takes what is installed now.",
            retried=False,
        ),
        FailureCode.JOB_NAME_CONFLICT: Meaning(
            "An object that is not of this attempt stands under its name; nothing of the attempt was started.",
            "Find out who made the object that the reason names, and delete it; then start a new run.",
            retried=False,
        ),
        FailureCode.UNSCHEDULABLE: Meaning(
            "No node took the pod until the step's time was over; the reason holds the scheduler's words.",
            "Lower `resources.requests` of the step, or add nodes that fit it. While it waits, `message` says so.",
        ),
        FailureCode.QUOTA_EXCEEDED: Meaning(
            "A ResourceQuota of the namespace had no room for the pod until the step's time was over.",
            "Wait for other work to end, lower what the step requests, or have the quota raised.",
        ),
        FailureCode.IMAGE_PULL_FAILED: Meaning(
            "The node cannot get the step's image; the reason holds the registry's words.",
            "Correct the image's name or tag, or give the namespace the credentials of the registry.",
            harness=True,
        ),
        FailureCode.IMAGE_RUNS_AS_ROOT: Meaning(
            "The step's image runs as root, or as a user that it names without a number. No step runs as root.",
            "Set `container.runAsUser` of the step, such as 65532, or give the image a numeric USER.",
            retried=False,
            harness=True,
        ),
        FailureCode.CONTAINER_CONFIG_INVALID: Meaning(
            "The node cannot make the container as it is asked for: a ConfigMap, a Secret or a key in one is missing, "
            "or the image does not fit the pod's security settings.",
            "Create what the reason names in the run's namespace.",
        ),
        FailureCode.SECRET_MISSING: Meaning(
            "A Secret that the step uses, or a key of one, is not there; the reason names it.",
            "Make the Secret in the run's namespace, or correct its name or key in the step; then retry the run.",
        ),
        FailureCode.POD_NOT_READY: Meaning(
            "The pod has a node and could not be made ready there until the step's time was over: a volume that is "
            "missing, a network that is not there. The reason holds the node's words.",
            "Create what the reason names in the run's namespace. While it waits, `message` says so.",
        ),
        FailureCode.CONTAINER_FAILED: Meaning(
            "The container could not start, or its program ended with an exit code other than 0.",
            "Read its log: `penstock logs RUN STEP`. For a runtime of your own, see runtimes_images/README.md.",
            harness=True,
        ),
        FailureCode.NODE_REFUSED: Meaning(
            "The node that the pod was given to would not take it; nothing of the step ran.",
            "Let `retry` try another node. If it stays so, look at that node's resources and labels.",
        ),
        FailureCode.INPUT_INVALID: Meaning(
            "The step cannot be given its input: too large an environment, a character that no program can hold.",
            "Change what the reason names; pass large data by its address.",
            retried=False,
            harness=True,
        ),
        FailureCode.INPUT_MISMATCH: Meaning(
            "The input that reached the pod is not the one that was written down; the program was not started.",
            "Find out what changes annotations or ConfigMaps of pods in this namespace.",
            retried=False,
            harness=True,
        ),
        FailureCode.RUNTIME_MISSING: Meaning(
            "The language's interpreter is not in the image, or in local mode not on this machine.",
            "Install it, or use the runtime's own image.",
            retried=False,
            harness=True,
        ),
        FailureCode.DEPENDENCIES_FAILED: Meaning(
            "The script's `dependencies` could not be installed; the reason holds the installer's words.",
            "Correct the names and versions, or see that the pod reaches the package index.",
            harness=True,
        ),
        FailureCode.SCRIPT_FAILED: Meaning(
            "The script ended with an exit code other than 0 or an exception, or failed without a code of its own.",
            "Read its log: `penstock logs RUN STEP`.",
            harness=True,
        ),
        FailureCode.TIMED_OUT: Meaning(
            "The attempt took longer than the step's `timeout`.",
            "Look in its log for what took long, or raise `timeout` of the step.",
            harness=True,
        ),
        FailureCode.SIGNALLED: Meaning(
            "A signal that did not come from Penstock ended the program.",
            "SIGSEGV and SIGABRT are errors of the program; after SIGKILL look for what ran out on the machine.",
            harness=True,
        ),
        FailureCode.OUTPUT_INVALID: Meaning(
            "What the step gave as its output is not JSON that can be kept.",
            "Correct what the script gives to `output`: no NaN, no infinity, at most 100 levels deep.",
            retried=False,
            harness=True,
        ),
        FailureCode.OUTPUT_TOO_LARGE: Meaning(
            "The step's output is larger than a run can hold; the reason names the limit.",
            "Write the data to a store and output its address.",
            retried=False,
            harness=True,
        ),
        FailureCode.OUTPUT_NOT_STORED: Meaning(
            "The step's output has no room in the run object, and could not be kept beside it.",
            "See to what the reason names: a quota that is used up, or an object that stands under the output's name.",
        ),
        FailureCode.OUTPUT_LOST: Meaning(
            "An output that was kept beside the run is gone, or is not what was written.",
            "Find out who deletes or changes ConfigMaps there, then start a new run.",
            retried=False,
        ),
        FailureCode.HARNESS_ERROR: Meaning(
            "The harness itself met an error that it has no other word for.",
            "The reason names it. If it is none of the machine's, please report it.",
            harness=True,
        ),
        FailureCode.OOM_KILLED: Meaning(
            "The step used more memory than its limit, and the kernel killed it.",
            "Raise `resources.limits.memory` of the step, or have it work in smaller parts.",
        ),
        FailureCode.DISK_FULL: Meaning(
            "The step wrote more than its folders or its node have room for.",
            "Write less to the work folder and /tmp, or raise their sizes in the installation's values.",
            harness=True,
        ),
        FailureCode.EVICTED: Meaning(
            "The cluster took the pod away: its node was short of something, was drained, or the place was needed.",
            "Let `retry` try again; requests that are true to what the step uses make it rarer.",
        ),
        FailureCode.DEADLINE: Meaning(
            "Kubernetes ended the pod at its `activeDeadlineSeconds`, the last backstop behind every timeout.",
            "Give the step a `timeout` that fits it; without one, a pod may run for seven days.",
        ),
        FailureCode.NODE_LOST: Meaning(
            "The pod's node went away or shut down. How far the program came is unknown.",
            "Let `retry` try again if the step may run twice; `PENSTOCK_IDEMPOTENCY_KEY` helps with that.",
        ),
        FailureCode.STOPPED: Meaning(
            "Something outside asked the program to end before it had: neither a cancel nor a timeout.",
            "Find out who deletes pods or ends processes there.",
        ),
        FailureCode.LOST: Meaning(
            "The attempt existed and is gone without a result. How far the program came is unknown.",
            "Let `retry` try again if the step may run twice; `PENSTOCK_IDEMPOTENCY_KEY` helps with that.",
        ),
    }
)
"""By code, in the order in which they are documented."""


def retried(code: str) -> bool:
    """Another attempt may help; a script's own code is always worth one."""
    known = meaning_of(code)
    return known is None or known.retried


def meaning_of(code: str) -> Meaning | None:
    """What a code means; None for a code of a script's own."""
    return FAILURES[FailureCode(code)] if code in FAILURES else None


def claimed(code: str, reason: str, step: str | None = None) -> Failure:
    """The failure that an attempt's own result record claims.

    A script's code passes as it is. A code of this list that no harness can know of is not taken from a record: what
    it means to people and to exit codes must be true. It becomes SCRIPT_FAILED, with the code before the reason.
    """
    known = meaning_of(code)
    if known is None or known.harness:
        return Failure(code, reason, step)
    return Failure(FailureCode.SCRIPT_FAILED, f"{code}: {reason}", step)
