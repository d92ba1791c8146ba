"""Deliberate breaks of the product, one for each rule that the checker knows: with one of them it must find something.

A break is a text in a module's source that is replaced in a copy. Where the text is gone, the list is to be mended.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

OPERATOR = Path(__file__).resolve().parents[2] / "operator"


@dataclass(frozen=True, slots=True)
class Break:
    """One break."""

    what: str
    rule: str
    """The check that must find it."""
    module: str
    """Path below `operator/penstock`."""
    text: str
    instead: str
    runs: int = 40
    """Plays within which it must be found."""
    seed: int = 1
    stops: bool = False
    """In plays in which leaders are stopped over and over."""


BREAKS = (
    Break(
        "each try at an attempt has a name of its own",
        "one_job_an_attempt",
        "engine/identifiers.py",
        'return _name(f"{run}-{step}-{attempt}", "attempt", uid, step, str(attempt))',
        'return _name(f"{run}-{step}-{attempt}", __import__("secrets").token_hex(4))',
    ),
    Break(
        "each try at a pod has a name of its own",
        "one_pod_a_job",
        "adapters/kube/manifests.py",
        '"labels": {**_labels(run), **controlled},',
        '"labels": {**_labels(run), **controlled}, "name": command.name[:50] + __import__("secrets").token_hex(4),',
        seed=5209,
    ),
    Break(
        "a leader that was stopped goes on when it wakes",
        "one_pod_a_job",
        "adapters/kube/leader_lease.py",
        "return self.held and self._monotonic() - self._renewed < self._timing.duration",
        "return True",
        seed=8,
        stops=True,
    ),
    Break(
        "what was written down by another replica is started without a look at what became of it",
        "one_job_an_attempt",
        "application/reconcile_run.py",
        "                await self._confirm(run)\n",
        "                pass\n",
        seed=597,
        stops=True,
    ),
    Break(
        "an attempt is started before it is written down",
        "written_before_it_started",
        "application/reconcile_run.py",
        "run, due = await self._write(work, decided)\n",
        "await self._act(work.run, decided.commands)\n            run, due = await self._write(work, decided)\n",
    ),
    Break(
        "one vote is enough, whatever the quorum",
        "gated_starts_are_approved",
        "engine/rules/gates.py",
        "needed = 1 if self_approval else gate.quorum",
        "needed = 1",
    ),
    Break(
        "a vote counts after its request has lapsed",
        "gated_starts_are_approved",
        "engine/rules/gates.py",
        "expires_at=state.expires_at,\n        subject",
        'expires_at=state.expires_at - __import__("datetime").timedelta(seconds=115),\n        subject',
    ),
    Break(
        "people are shown another context than what the step is given",
        "gated_starts_are_approved",
        "engine/subjects.py",
        '"quorum": gate.quorum,\n        "context": dict(run.context),',
        '"quorum": gate.quorum,\n        "context": {},',
    ),
    Break(
        "settling a request removes the votes on it",
        "votes_are_kept",
        "adapters/kube/approval_gates.py",
        'path = APPROVALS.path(key.namespace, key.name, "status")\n        try:',
        "path = APPROVALS.path(key.namespace, key.name)\n        await self._client.merge_patch(path, "
        '{"spec": {"decisions": []}}, ApprovalRequest.model_validate_json)\n        path += "/status"\n        try:',
    ),
    Break(
        "every request is told that it lapsed",
        "gates_end_as_the_votes_say",
        "adapters/kube/approval_gates.py",
        'status = {"phase": command.outcome,',
        'status = {"phase": "Expired",',
    ),
    Break(
        "a log that cannot be read at once is not read again",
        "results_are_kept",
        "adapters/kube/result_reader.py",
        "_LAST_TRIES = 8",
        "_LAST_TRIES = 0",
        seed=59,
    ),
    Break(
        "a run that has ended is decided on once more",
        "ends_are_final",
        "engine/decide.py",
        "    if state.phase.finished:\n        return _after_the_end(plan, state, facts, now)\n",
        "",
    ),
    Break(
        "a pass that failed is not done again",
        "runs_end",
        "application/work_queue.py",
        "        self._after(key, wait)\n",
        "",
    ),
    Break(
        "what is kept of the logs belongs to nobody",
        "nothing_leaks",
        "adapters/kube/log_ends.py",
        '"ownerReferences": [owner],',
        "",
    ),
)


def broken_copy(broken: Break, folder: Path) -> Path:
    """A copy of the product with the break; a folder for PYTHONPATH."""
    copy = folder / "operator"
    shutil.copytree(OPERATOR, copy, ignore=shutil.ignore_patterns("__pycache__"))
    module = copy / "penstock" / broken.module
    source = module.read_text(encoding="utf-8")
    if source.count(broken.text) != 1:
        raise AssertionError(f"{broken.module} holds {source.count(broken.text)} times what is to be replaced")
    module.write_text(source.replace(broken.text, broken.instead), encoding="utf-8")
    return copy
