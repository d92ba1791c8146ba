"""Votes that come at the same moment: each counts once or its voter is told, and the gate ends once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.cluster import Answer
from tests.support.tenant import CLERK, LEAD, MALLORY, Json, Tenant, a_step, a_workflow

ROUNDS = 8
APPROVERS = {"users": [LEAD.name, MALLORY.name, CLERK.name]}
VOTES = ((LEAD, "approve"), (MALLORY, "approve"), (CLERK, "reject"))


def all_at_once(tenant: Tenant, request: Json) -> dict[tuple[str, str], Answer]:
    with ThreadPoolExecutor(len(VOTES)) as pool:
        made = {
            (person.name, verdict): pool.submit(tenant.vote, person, request, verdict, comment="at once")
            for person, verdict in VOTES
        }
        return {vote: answer.result() for vote, answer in made.items()}


def test_each_counts_once_and_the_gate_ends_as_they_say(tenant: Tenant) -> None:
    gate = {"name": "gate", "approval": {"approvers": APPROVERS, "quorum": 2}}
    tenant.apply(a_workflow("voted", gate, a_step("after", "output(1)", needs=["gate"])))
    outcomes = []
    for number in range(ROUNDS):
        run = tenant.start("voted", name=f"run-{number}")
        request = tenant.gate(tenant.phase(run, "Waiting"), "gate")
        answers = all_at_once(tenant, request)
        status = tenant.finished(run)["status"]
        tenant.admin("wait", f"apr/{request['metadata']['name']}", "--for=jsonpath={.status.phase}", "--timeout=30s")
        settled = tenant.cluster.read("-n", tenant.namespace, "approvalrequest", request["metadata"]["name"])

        taken = {vote for vote, answer in answers.items() if answer.returncode == 0}
        kept = [(vote["by"], vote["verdict"]) for vote in settled["spec"]["decisions"]]
        assert sorted(kept) == sorted(taken)
        for vote in answers.keys() - taken:
            # Somebody else's write was first again and again, or the gate had ended by then.
            assert any(word in answers[vote].stderr for word in ("closed", "modified", "Conflict")), answers[
                vote
            ].stderr

        outcome = settled["status"]["phase"]
        outcomes.append(outcome)
        verdicts = [verdict for _, verdict in kept]
        assert outcome == "Rejected" or verdicts.count("approve") == 2
        assert outcome == "Approved" or "reject" in verdicts
        assert status["phase"] == ("Succeeded" if outcome == "Approved" else "Failed")
        assert len(tenant.of_run("job", run)) == (outcome == "Approved")
    assert set(outcomes) <= {"Approved", "Rejected"}
