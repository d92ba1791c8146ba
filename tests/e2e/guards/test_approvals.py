"""Who may decide on an ApprovalRequest. Each way to forge a decision is tried with kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.support.cluster import OPERATOR, Answer

Refused = Callable[[Answer, str], None]

DIGEST = "sha256:aa"
DEAD_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "11111111-1111-1111-1111-111111111111"}


def a_request(**changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "run": {"name": "orders-1", "uid": "u-1"},
        "step": "release",
        "attempt": 1,
        "digest": DIGEST,
        "subject": "{}",
        "requestedBy": {"user": "bob", "client": "agent-7"},
        "approvers": {
            "users": ["alice", "bob", "dan", "system:serviceaccount:default:robot", "apikey:k1"],
            "groups": ["leads"],
        },
        "quorum": 2,
        "message": "Release?",
        "expiresAt": "2099-01-01T00:00:00Z",
        "nonce": "n-1",
    }
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": {"name": "gate", "labels": {"penstock.dev/run": "orders-1"}},
        "spec": {"request": {**request, **changes}},
    }


def a_vote(by: str, verdict: str = "approve", **more: str) -> list[dict[str, Any]]:
    decision = {"by": by, "verdict": verdict, "digest": DIGEST, **more}
    return [{"op": "add", "path": "/spec/decisions/-", "value": decision}]


@pytest.fixture
def gate(tenancy: Tenancy) -> Tenancy:
    """A namespace with the ApprovalRequest `gate`, which bob asked for through the client agent-7."""
    tenancy.operator("create", "-f", "-", stdin=a_request())
    return tenancy


def patch(gate: Tenancy, user: str, operations: list[dict[str, Any]], **options: Any) -> Answer:
    return gate.kubectl(user, "patch", "apr", "gate", "--type=json", "-p", json.dumps(operations), **options)


def decisions(gate: Tenancy) -> list[str]:
    return [f"{vote['by']}:{vote['verdict']}" for vote in gate.read("apr", "gate")["spec"]["decisions"]]


class TestVotes:
    def test_approvers_vote_by_name_and_by_group(self, gate: Tenancy) -> None:
        assert patch(gate, "alice", a_vote("alice")).returncode == 0
        assert patch(gate, "lee", a_vote("lee", "reject"), as_groups=["leads"]).returncode == 0
        assert decisions(gate) == ["alice:approve", "lee:reject"]

    def test_a_stranger(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "eve", a_vote("eve")), "you are not an approver of this request: eve")

    def test_the_requester(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "bob", a_vote("bob")), "whoever asked for a run may not decide on it")

    def test_in_anothers_name(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "alice", a_vote("dan")), "by must be alice")

    def test_in_anothers_name_by_the_cluster_administrator(self, gate: Tenancy, refused: Refused) -> None:
        answer = gate.admin("patch", "apr", "gate", "--type=json", "-p", json.dumps(a_vote("alice")))
        refused(answer, "a decision is your own")

    def test_another_digest(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "alice", a_vote("alice", digest="sha256:bb")), f"spec.request.digest, {DIGEST}")

    def test_twice(self, gate: Tenancy, refused: Refused) -> None:
        patch(gate, "alice", a_vote("alice"))
        assert patch(gate, "alice", a_vote("alice", "reject")).returncode != 0
        assert decisions(gate) == ["alice:approve"]

    def test_changing_ones_mind(self, gate: Tenancy, refused: Refused) -> None:
        patch(gate, "alice", a_vote("alice"))
        turned = [{"op": "replace", "path": "/spec/decisions/0/verdict", "value": "reject"}]
        refused(patch(gate, "alice", turned), "append-only")

    def test_removing_anothers_vote(self, gate: Tenancy, refused: Refused) -> None:
        patch(gate, "alice", a_vote("alice"))
        refused(patch(gate, "dan", [{"op": "remove", "path": "/spec/decisions/0"}]), "append-only")

    def test_replacing_anothers_vote_by_ones_own(self, gate: Tenancy, refused: Refused) -> None:
        patch(gate, "alice", a_vote("alice"))
        swapped = [{"op": "replace", "path": "/spec/decisions/0", "value": a_vote("dan")[0]["value"]}]
        refused(patch(gate, "dan", swapped), "append-only")

    def test_two_at_once(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "alice", [*a_vote("alice"), *a_vote("dan")]), "one at a time")

    def test_a_group_member_copies_anothers_vote(self, gate: Tenancy) -> None:
        patch(gate, "alice", a_vote("alice"))
        assert patch(gate, "mo", a_vote("alice"), as_groups=["leads"]).returncode != 0
        assert decisions(gate) == ["alice:approve"]

    def test_lowering_the_quorum_while_voting(self, gate: Tenancy, refused: Refused) -> None:
        lowered = [{"op": "replace", "path": "/spec/request/quorum", "value": 1}, *a_vote("dan")]
        refused(patch(gate, "dan", lowered), "spec.request is immutable")

    def test_after_the_end(self, gate: Tenancy, refused: Refused) -> None:
        gate.operator(
            "patch", "apr", "gate", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Expired"}}'
        )
        refused(patch(gate, "alice", a_vote("alice")), "this request is closed: Expired")


class TestWhoIsNoPerson:
    def test_a_service_account(self, gate: Tenancy, refused: Refused) -> None:
        robot = "system:serviceaccount:default:robot"
        refused(patch(gate, robot, a_vote(robot, client="sa:default:robot")), "decisions are for people")

    def test_an_api_key(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "apikey:k1", a_vote("apikey:k1")), "decisions are for people")

    def test_an_approver_through_an_api_key(self, gate: Tenancy, refused: Refused) -> None:
        vote = a_vote("alice", client="apikey:k1")
        refused(patch(gate, "alice", vote, as_extra={"penstock.dev/client": "apikey:k1"}), "decisions are for people")

    def test_the_operator(self, gate: Tenancy, refused: Refused) -> None:
        vote = json.dumps(a_vote(OPERATOR))
        answer = gate.operator("patch", "apr", "gate", "--type=json", "-p", vote, check=False)
        refused(answer, "the operator may not decide")


class TestClients:
    """The client is what the MCP server proves and passes on as an extra."""

    THROUGH = "penstock.dev/client"

    def test_the_client_that_asked_delivers_no_vote(self, gate: Tenancy, refused: Refused) -> None:
        answer = patch(gate, "dan", a_vote("dan", client="agent-7"), as_extra={self.THROUGH: "agent-7"})
        refused(answer, "the client that asked for the run may not deliver a decision on it: agent-7")

    def test_hiding_the_client(self, gate: Tenancy, refused: Refused) -> None:
        answer = patch(gate, "dan", a_vote("dan"), as_extra={self.THROUGH: "agent-7"})
        refused(answer, "client must be the client that you come through: agent-7")

    def test_claiming_a_client(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "dan", a_vote("dan", client="phone")), "that you come through: leave it out")

    def test_another_client_delivers(self, gate: Tenancy) -> None:
        patch(gate, "dan", a_vote("dan", "reject", client="phone"), as_extra={self.THROUGH: "phone"}, check=True)
        assert decisions(gate) == ["dan:reject"]


class TestBypass:
    REASON = "outage, break the glass"

    def test_with_the_right_and_a_reason(self, gate: Tenancy) -> None:
        patch(gate, "root", a_vote("root", "bypass", comment=self.REASON), check=True)
        assert decisions(gate) == ["root:bypass"]

    def test_without_the_right(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "dan", a_vote("dan", "bypass", comment=self.REASON)), "you may not bypass approvals here")

    @pytest.mark.parametrize("comment", [{}, {"comment": "because"}, {"comment": " " * 20}])
    def test_without_a_reason(self, gate: Tenancy, refused: Refused, comment: dict[str, str]) -> None:
        refused(patch(gate, "root", a_vote("root", "bypass", **comment)), "at least ten characters that says why")

    def test_the_right_to_bypass_makes_nobody_an_approver(self, gate: Tenancy, refused: Refused) -> None:
        refused(patch(gate, "root", a_vote("root")), "you are not an approver of this request: root")


class TestTheObject:
    """Everything around the votes."""

    def test_only_the_operator_asks(self, tenancy: Tenancy, refused: Refused) -> None:
        refused(tenancy.kubectl("alice", "create", "-f", "-", stdin=a_request()), "only the operator asks")
        refused(tenancy.admin("create", "-f", "-", stdin=a_request()), "only the operator asks")

    def test_nothing_is_decided_at_its_start(self, tenancy: Tenancy, refused: Refused) -> None:
        decided = a_request()
        decided["spec"]["decisions"] = [a_vote("alice")[0]["value"]]
        refused(tenancy.operator("create", "-f", "-", stdin=decided, check=False), "starts without decisions")

    def test_it_says_who_asked_for_the_run(self, tenancy: Tenancy, refused: Refused) -> None:
        anonymous = a_request()
        del anonymous["spec"]["request"]["requestedBy"]
        refused(tenancy.operator("create", "-f", "-", stdin=anonymous, check=False), "spec.request.requestedBy")

    def test_somebody_can_decide(self, tenancy: Tenancy, refused: Refused) -> None:
        nobody = a_request(approvers={"users": []})
        answer = tenancy.operator("create", "-f", "-", stdin=nobody, check=False)
        refused(answer, "name at least one user or group in approvers")

    def test_its_end_is_the_operators(self, gate: Tenancy, refused: Refused) -> None:
        approved = (
            "patch",
            "apr",
            "gate",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status":{"phase":"Approved"}}',
        )
        refused(gate.kubectl("dan", *approved), "status is written by the operator only")
        refused(gate.admin(*approved), "status is written by the operator only")
        gate.operator(*approved)
        assert gate.read("apr", "gate")["status"]["phase"] == "Approved"

    def test_deleting_it(self, gate: Tenancy, refused: Refused) -> None:
        refused(gate.kubectl("dan", "delete", "apr", "gate"), "only the operator deletes ApprovalRequests")
        refused(gate.kubectl("dan", "delete", "apr", "--all"), "only the operator deletes ApprovalRequests")
        gate.operator("delete", "apr", "gate")

    @pytest.mark.parametrize(
        ("metadata", "reason"),
        [
            pytest.param({"ownerReferences": [DEAD_OWNER]}, "ownerReferences and finalizers", id="a dead owner"),
            pytest.param({"finalizers": ["example.com/stay"]}, "ownerReferences and finalizers", id="a finalizer"),
            pytest.param({"labels": {"penstock.dev/run": "other"}}, "labels that begin with penstock.dev/", id="ours"),
            pytest.param({"labels": {"penstock.dev/run": None}}, "labels that begin with penstock.dev/", id="without"),
            pytest.param({"labels": {"penstock.dev/x": "y"}}, "labels that begin with penstock.dev/", id="one more"),
            pytest.param(
                {"annotations": {"penstock.dev/told": "opened,ended"}},
                "annotations that begin with penstock.dev/",
                id="as if everybody had been told",
            ),
        ],
    )
    def test_metadata(self, gate: Tenancy, refused: Refused, metadata: dict[str, Any], reason: str) -> None:
        refused(
            gate.kubectl("dan", "patch", "apr", "gate", "--type=merge", "-p", json.dumps({"metadata": metadata})),
            reason,
        )

    def test_labels_of_ones_own(self, gate: Tenancy) -> None:
        assert gate.kubectl("dan", "label", "apr", "gate", "team=orders").returncode == 0
