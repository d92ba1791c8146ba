"""What must hold of every history, however faulty its world was. Pure: a check gives a sentence for each breach.

Nothing here is taken from the product: what it may do is said once more, from the outside.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.chaos.history import (
    FINISHED,
    LATE,
    RUN,
    STEP_ENDS,
    Change,
    History,
    Json,
    Program,
    Started,
    document,
    owner,
    started,
)

_OPENED = ("approve", "bypass")
_WATCHED = ("jobs", "pods", "configmaps", "approvalrequests", "workflowruns")


def one_job_an_attempt(history: History) -> Iterator[str]:
    """An attempt has one Job, or one run of its own, ever; whatever was deleted since counts."""
    made: defaultdict[tuple[str, Started], set[str]] = defaultdict(set)
    for change in history.changes:
        attempt = started(change.plural, change.object)
        if change.kind == "ADDED" and attempt is not None and change.plural != "pods":
            whose = Started(attempt.run, attempt.step, attempt.attempt, attempt.batch, "")
            made[change.plural, whose].add(change.uid)
    for (plural, attempt), uids in made.items():
        if len(uids) > 1:
            yield f"{attempt} has {len(uids)} {plural}"


def one_pod_a_job(history: History) -> Iterator[str]:
    """A Job has one pod at a time; no second one once the run's status knows the Job, or once the Job has ended.

    Only a pod that was taken away before anybody had written down its Job is made once more; and one may come of a
    request that was long under way, which cannot be called back.
    """
    pods: defaultdict[str, set[str]] = defaultdict(set)
    """Those that are there, by Job."""
    had, known, closed = set[str](), set[str](), set[str]()
    for change in history.changes:
        if change.plural == "workflowruns":
            known |= _known_jobs(change.object.get("status", {}))
        elif change.plural == "jobs" and _job_ends(change.object):
            closed.add(change.uid)
        elif change.plural == "pods" and change.kind == "DELETED":
            pods[owner(change.object)].discard(change.uid)
        elif change.plural == "pods" and change.kind == "ADDED" and (job := owner(change.object)):
            if pods[job]:
                yield f"Job {job} has two pods at once"
            elif job in had and job in known | closed and not change.who.startswith(LATE):
                yield f"Job {job} was given another pod after its first one was gone"
            pods[job].add(change.uid)
            had.add(job)


def _known_jobs(status: Json) -> set[str]:
    steps = status.get("steps", {}).values()
    batches = [batch for step in steps for batch in step.get("items", {}).get("active", {}).values()]
    return {each["uid"] for each in (*steps, *batches) if each.get("uid")}


def written_before_it_started(history: History) -> Iterator[str]:
    """A run's status says of an attempt that it starts, with its digest, before anything of it exists."""
    runs: dict[str, Json] = {}
    for change in history.changes:
        attempt = started(change.plural, change.object)
        if change.kind == "ADDED" and attempt is not None and change.plural != "pods":
            step = runs.get(attempt.run, {}).get("status", {}).get("steps", {}).get(attempt.step, {})
            written = step if attempt.batch is None else _batch(step, attempt.batch)
            if (written.get("attempt"), written.get("digest")) != (attempt.attempt, attempt.digest):
                yield f"{attempt} exists before the run's status says so"
        if change.plural == "workflowruns":
            runs[change.uid] = change.object


def _batch(step: Json, batch: int) -> Json:
    found: Json = step.get("items", {}).get("active", {}).get(str(batch), {})
    return found


def gated_starts_are_approved(history: History) -> Iterator[str]:
    """What a gate stands before starts after a valid approval, of the digest of what was shown, and as it was shown."""
    world = _Gates(history.began)
    for change in history.changes:
        if change.kind == "ADDED":
            yield from world.judge(change)
        world.take(change)


class _Gates:
    """Definitions, runs and requests as they stand."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._runs: dict[str, Json] = {}
        self._contents: dict[str, Json] = {}
        self._requests: dict[tuple[str, str], dict[str, Json]] = defaultdict(dict)
        self._in_time: dict[str, set[str]] = defaultdict(set)
        """By request: whose votes came before it lapsed."""

    def take(self, change: Change) -> None:
        if change.plural == "workflowruns":
            self._runs[change.uid] = change.object
        elif change.plural == "controllerrevisions":
            self._contents[change.object["metadata"]["name"]] = change.object["data"]["spec"]
        elif change.plural == "approvalrequests":
            request = change.object["spec"]["request"]
            self._requests[request["run"]["uid"], request["step"]][change.uid] = change.object
            now = self._began + timedelta(seconds=change.at)
            if now <= datetime.fromisoformat(request["expiresAt"]):
                self._in_time[change.uid] |= {vote["by"] for vote in change.object["spec"].get("decisions", ())}

    def judge(self, change: Change) -> Iterator[str]:
        attempt = started(change.plural, change.object)
        run = self._runs.get(attempt.run) if attempt else None
        if attempt is None or (run is None and change.plural == "pods"):
            # A pod belongs to its Job, and that to the run.
            return
        definition = self._definition(run) if run else None
        if run is None or definition is None:
            yield f"{attempt} started, and nobody knows what its run is"
            return
        steps = {step["name"]: step for step in definition["steps"]}
        for gated in _gates_before(steps, attempt.step):
            approved = [each for each in self._requests[attempt.run, gated].values() if self._open(each)]
            if not approved:
                yield f"{attempt} started without a valid approval of {gated}"
            elif gated == attempt.step and not any(_as_shown(each, change.object) for each in approved):
                yield f"{attempt} is not what was shown to those who approved it"

    def _definition(self, run: Json) -> Json | None:
        revision = run.get("status", {}).get("revision", {}).get("name", "")
        found: Json | None = run["spec"].get("inline") or self._contents.get(revision)
        return found

    def _open(self, found: Json) -> bool:
        request = found["spec"]["request"]
        if request["digest"] != _approval_digest(request["subject"]):
            return False
        listed, requester = request["approvers"].get("users", ()), request["requestedBy"]["user"]
        voters: dict[str, set[str]] = {"approve": set(), "bypass": set(), "reject": set()}
        for vote in found["spec"].get("decisions", ()):
            in_time = vote["by"] in self._in_time[found["metadata"]["uid"]]
            entitled = vote["by"] in listed or vote["verdict"] == "bypass"
            if in_time and entitled and vote["by"] != requester and vote["digest"] == request["digest"]:
                voters[vote["verdict"]].add(vote["by"])
        return bool(voters["bypass"]) or len(voters["approve"]) >= request.get("quorum", 1)


def _gates_before(steps: Mapping[str, Json], name: str) -> Iterator[str]:
    """The gates that a step passes: its own, and every step before it that is one."""
    if name not in steps:
        return
    if "requiresApproval" in steps[name]:
        yield name
    todo, seen = list(steps[name].get("needs", ())), set()
    while todo:
        before = todo.pop()
        if before in seen:
            continue
        seen.add(before)
        todo.extend(steps[before].get("needs", ()))
        if "approval" in steps[before] and "when" not in steps[before]:
            yield before


def _as_shown(request: Json, made: Json) -> bool:
    """The Job's program and input are those in the text that the approvers had before them."""
    template = made["spec"].get("template")
    given = document(template) if template else None
    if given is None:
        return True
    shown = json.loads(request["spec"]["request"]["subject"])
    if shown.get("program", {}).get("source") != given.get("source"):
        return False
    if "items" in shown:
        # A pod is given its own items, and the lists that they come from are left out of the rest.
        return all(shown["context"].get(name) == value for name, value in given["context"].items())
    return bool(shown["context"] == given["context"] and shown["steps"] == given["steps"])


def _approval_digest(subject: str) -> str:
    return "sha256:" + hashlib.sha256(b"penstock-approval/v1\n" + subject.encode()).hexdigest()


def votes_are_kept(history: History) -> Iterator[str]:
    """A vote that was accepted is there for good, once, as it was cast; what is asked never changes."""
    for before, change in history.steps_of("approvalrequests"):
        name, spec = change.object["metadata"]["name"], change.object["spec"]
        votes = spec.get("decisions", [])
        people = Counter(vote["by"] for vote in votes)
        yield from (f"{by} has {count} votes on {name}" for by, count in people.items() if count > 1)
        if before is None:
            continue
        if before["spec"]["request"] != spec["request"]:
            yield f"what {name} asks was changed"
        earlier = before["spec"].get("decisions", [])
        if votes[: len(earlier)] != earlier:
            yield f"a vote on {name} was lost or changed"
    cast = {
        change.uid: change.object["spec"].get("decisions", []) for _, change in history.steps_of("approvalrequests")
    }
    for vote in history.votes:
        found = [each for each in cast.get(vote.request, ()) if each["by"] == vote.by]
        if [each["verdict"] for each in found] != [vote.verdict]:
            yield f"the vote of {vote.by} on {vote.request} was accepted and is not there"


def gates_end_as_the_votes_say(history: History) -> Iterator[str]:
    """How a gate ended is what its votes say, in the request and in the run alike."""
    requests = {found["metadata"]["name"]: found for found in _newest(history, "approvalrequests").values()}
    for run in _newest(history, "workflowruns").values():
        for name, step in run.get("status", {}).get("steps", {}).items():
            gate = step.get("gate", {})
            request = requests.get(gate.get("name", ""))
            if not gate.get("outcome") or request is None:
                continue
            yield from _wrong_outcome(f"step {name} of {run['metadata']['name']}", gate, request)


def _wrong_outcome(where: str, gate: Json, request: Json) -> Iterator[str]:
    said: defaultdict[str, set[str]] = defaultdict(set)
    for vote in request["spec"].get("decisions", ()):
        said[vote["verdict"]].add(vote["by"])
    outcome, by = gate["outcome"], set(gate.get("decidedBy", ()))
    verdicts = {"Approved": "approve", "Rejected": "reject", "Bypassed": "bypass"}
    if outcome in verdicts and not (by and by <= said[verdicts[outcome]]):
        yield f"{where} says {outcome} by {sorted(by)}, and the votes are {dict(said)}"
    told = request.get("status", {}).get("phase", "Pending")
    if told not in ("Pending", outcome):
        yield f"{where} says {outcome}, and its request says {told}"


def results_are_kept(history: History) -> Iterator[str]:
    """What a program said is what the run says of its step: never lost, never another's."""
    programs = {program.job: program for program in history.programs}
    for run in _newest(history, "workflowruns").values():
        for name, step in run.get("status", {}).get("steps", {}).items():
            program = programs.get(step.get("uid", ""))
            taken_over = step.get("carried") or step.get("cached") or step.get("items")
            if program is not None and not taken_over:
                yield from _wrong_result(f"step {name} of {run['metadata']['name']}", step, program)


def _wrong_result(where: str, step: Json, program: Program) -> Iterator[str]:
    code = step.get("error", {}).get("code", "")
    if step["phase"] == "Succeeded":
        if program.code:
            yield f"{where} Succeeded, and its program failed with {program.code}"
        elif "outputRef" not in step and step.get("output") != program.output:
            yield f"{where} has the output {step.get('output')!r}, and its program gave {program.output!r}"
    elif step["phase"] == "Failed" and program.recorded and code == "LOST":
        yield f"{where} is LOST, and its program had left a result"


def ends_are_final(history: History) -> Iterator[str]:
    """What has ended stays as it ended: runs, their steps, requests, Jobs; attempts are counted upwards."""
    for before, change in history.steps_of("workflowruns"):
        if before is not None:
            yield from _left_end(change.object["metadata"]["name"], before.get("status", {}), change.object)
    for before, change in history.steps_of("approvalrequests"):
        earlier = (before or {}).get("status", {}).get("phase", "Pending")
        later = change.object.get("status", {}).get("phase", "Pending")
        if earlier not in ("Pending", later):
            yield f"request {change.object['metadata']['name']} went from {earlier} to {later}"
    for before, change in history.steps_of("jobs"):
        earlier, later = _job_ends(before or {}), _job_ends(change.object)
        if not earlier <= later or len(later) > 1:
            yield f"Job {change.object['metadata']['name']} went from {sorted(earlier)} to {sorted(later)}"


def _left_end(name: str, before: Json, found: Json) -> Iterator[str]:
    status = found.get("status", {})
    if before.get("phase") in FINISHED:
        for part in ("phase", "output", "outputRef", "error", "finishedAt"):
            if before.get(part) != status.get(part):
                yield f"{part} of run {name} was changed after its end: {before.get(part)!r} to {status.get(part)!r}"
    for step, earlier in before.get("steps", {}).items():
        later = status.get("steps", {}).get(step, {})
        if earlier["phase"] in STEP_ENDS:
            for part in ("phase", "attempt", "output", "outputRef", "error", "finishedAt"):
                if earlier.get(part) != later.get(part):
                    yield f"{part} of step {step} of {name} was changed after its end"
        elif later.get("attempt", 0) < earlier.get("attempt", 0):
            yield f"step {step} of {name} went back to an earlier attempt"


def _job_ends(job: Json) -> set[str]:
    conditions = job.get("status", {}).get("conditions", ())
    return {each["type"] for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"}


def runs_end(history: History) -> Iterator[str]:
    """Once nothing is faulty any more, every run comes to its end, its Jobs are closed and its requests settled."""
    if not history.calm:
        return
    for _, run in history.last("workflowruns"):
        status = run.get("status", {})
        if status.get("phase") not in FINISHED:
            yield f"run {run['metadata']['name']} never ends: {status}"
    for _, job in history.last("jobs"):
        if not _job_ends(job):
            yield f"Job {job['metadata']['name']} is never closed"
    for _, request in history.last("approvalrequests"):
        if request.get("status", {}).get("phase", "Pending") == "Pending":
            yield f"request {request['metadata']['name']} is never settled"
    for _, pod in history.last("pods"):
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            yield f"pod {pod['metadata']['name']} goes on for ever"


def nothing_leaks(history: History) -> Iterator[str]:
    """What belongs to a run goes with it; nothing waits for a finalizer; nothing of ours is without an owner."""
    left, gone = history.last(), history.deleted()
    for plural, found in left:
        meta = found["metadata"]
        where = f"{plural} {meta['name']}"
        if history.calm and (meta.get("deletionTimestamp") or any(uid in gone for uid in _owners(found))):
            yield f"{where} is left of what was deleted"
        if plural in _WATCHED and RUN in (meta.get("labels") or {}) and not _owners(found):
            yield f"{where} belongs to a run and would outlive it"
        if meta.get("finalizers") and plural in _WATCHED:
            yield f"{where} has a finalizer: {meta['finalizers']}"


def _owners(found: Json) -> Sequence[str]:
    return [each["uid"] for each in found["metadata"].get("ownerReferences", ())]


def _newest(history: History, plural: str) -> dict[str, Json]:
    """The last state of every object of a kind, also of those that are gone."""
    return {change.uid: change.object for change in history.changes if change.plural == plural}


CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    check.__name__: check
    for check in (
        one_job_an_attempt,
        one_pod_a_job,
        written_before_it_started,
        gated_starts_are_approved,
        votes_are_kept,
        gates_end_as_the_votes_say,
        results_are_kept,
        ends_are_final,
        runs_end,
        nothing_leaks,
    )
}


def violations(history: History) -> list[tuple[str, str]]:
    """Every breach, with the name of the check that found it; each once."""
    found: dict[tuple[str, Any], None] = {}
    for name, check in CHECKS.items():
        for breach in check(history):
            found[name, breach] = None
    return list(found)
