"""Who asked for a run, which Workflows somebody may run, and that a run stays what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.guards.conftest import TENANTS, Tenancy
from tests.support.cluster import MCP_SERVER, OPERATOR, Answer

Refused = Callable[[Answer, str], None]

STEP = {"name": "hello", "script": {"runtime": "bash", "source": "echo hello", "dependencies": ["b", "a"]}}


def a_run(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": "orders-1"},
        "spec": spec or {"workflow": {"name": "orders"}, "context": {"customer": {"id": "CUST-1"}, "lines": [1, 2]}},
    }


def create(tenancy: Tenancy, user: str, run: dict[str, Any], **options: Any) -> Answer:
    return tenancy.kubectl(user, "create", "-f", "-", stdin=run, **options)


def requested_by(tenancy: Tenancy) -> dict[str, Any]:
    found: dict[str, Any] = tenancy.read("pwr", "orders-1")["spec"]["requestedBy"]
    return found


class TestStamp:
    """The API server writes who asked, whatever the object says."""

    def test_the_caller_with_his_groups(self, tenancy: Tenancy) -> None:
        create(tenancy, "runner", a_run(), as_groups=["sales"], check=True)
        stamp = requested_by(tenancy)
        assert (stamp["user"], stamp["client"]) == ("runner", "")
        assert sorted(stamp["groups"]) == ["sales", "system:authenticated", TENANTS]

    def test_nobody_claims_to_be_another(self, tenancy: Tenancy) -> None:
        claim = a_run()
        claim["spec"]["requestedBy"] = {"user": "mallory", "client": "phone", "groups": ["system:masters"]}
        create(tenancy, "runner", claim, check=True)
        stamp = requested_by(tenancy)
        assert (stamp["user"], stamp["client"]) == ("runner", "")
        assert "system:masters" not in stamp["groups"]

    def test_the_client_that_the_caller_comes_through(self, tenancy: Tenancy) -> None:
        create(tenancy, "runner", a_run(), as_extra={"penstock.dev/client": "agent-7"}, check=True)
        assert requested_by(tenancy)["client"] == "agent-7"

    def test_a_service_account_is_its_own_client(self, tenancy: Tenancy) -> None:
        robot = f"system:serviceaccount:{tenancy.namespace}:robot"
        tenancy.admin("create", "rolebinding", "robot", "--role=runner", f"--serviceaccount={tenancy.namespace}:robot")
        create(tenancy, robot, a_run(), check=True)
        assert requested_by(tenancy)["client"] == f"sa:{tenancy.namespace}:robot"

    def test_it_stays(self, tenancy: Tenancy, refused: Refused) -> None:
        create(tenancy, "runner", a_run(), check=True)
        patch = ("patch", "pwr", "orders-1", "--type=merge", "-p")
        refused(
            tenancy.kubectl("runner", *patch, '{"spec":{"requestedBy":{"user":"alice"}}}'),
            "spec.requestedBy cannot change",
        )
        refused(tenancy.kubectl("runner", *patch, '{"spec":{"requestedBy":null}}'), "spec.requestedBy cannot change")

    def test_the_servers_tell_the_truth_about_themselves(self, tenancy: Tenancy, refused: Refused) -> None:
        """A stolen MCP server has no right to create runs as itself."""
        answer = tenancy.admin("create", "-f", "-", f"--as={MCP_SERVER}", stdin=a_run())
        refused(answer, "cannot create resource")


class TestParent:
    PARENT = {"run": "orders-1", "uid": "1", "step": "a", "attempt": 1, "digest": "sha256:0", "lineage": []}

    def test_nobody_passes_a_run_off_as_somebodys_child(self, tenancy: Tenancy, refused: Refused) -> None:
        run = a_run(workflow={"name": "orders"}, parent=self.PARENT)
        refused(create(tenancy, "runner", run), "spec.parent is written by the operator alone; leave it out")

    def test_the_operator_asks_in_the_name_of_whoever_asked_for_the_parent(self, tenancy: Tenancy) -> None:
        asker = {"user": "runner", "client": "agent-7", "groups": ["sales"]}
        run = a_run(workflow={"name": "orders"}, parent=self.PARENT, requestedBy=asker)
        create(tenancy, OPERATOR, run, check=True)
        assert requested_by(tenancy) == asker


class TestRightToRun:
    def test_by_name(self, tenancy: Tenancy, refused: Refused) -> None:
        answer = create(tenancy, "runner", a_run(workflow={"name": "payroll"}))
        refused(answer, "you may not run Workflow payroll; that takes the right to create workflows/run of that name")
        assert create(tenancy, "runner", a_run()).returncode == 0

    def test_the_right_to_create_runs_alone_runs_nothing(self, tenancy: Tenancy, refused: Refused) -> None:
        refused(create(tenancy, "alice", a_run()), "you may not run Workflow orders")

    def test_inline(self, tenancy: Tenancy, refused: Refused) -> None:
        refused(create(tenancy, "runner", a_run(inline={"steps": [STEP]})), "you may not run definitions of your own")
        assert create(tenancy, "inliner", a_run(inline={"steps": [STEP]})).returncode == 0

    def test_one_of_the_two(self, tenancy: Tenancy, refused: Refused) -> None:
        both = a_run(workflow={"name": "orders"}, inline={"steps": [STEP]})
        refused(tenancy.admin("create", "-f", "-", stdin=both), "exactly one of spec.workflow")
        refused(tenancy.admin("create", "-f", "-", stdin=a_run(context={})), "exactly one of spec.workflow")


class TestImmutable:
    """Patches are the administrator's: no right of his changes what a run is."""

    @pytest.mark.parametrize(
        ("patch", "field"),
        [
            pytest.param({"workflow": {"name": "payroll"}}, "workflow", id="another Workflow"),
            pytest.param({"workflow": {"revision": "orders-0123456789"}}, "workflow", id="another revision"),
            pytest.param({"context": {"customer": {"id": "CUST-2"}}}, "context", id="a value deep inside"),
            pytest.param({"context": {"more": True}}, "context", id="a value more"),
            pytest.param({"context": {"lines": None}}, "context", id="a value less"),
            pytest.param({"context": {"lines": [2, 1]}}, "context", id="another order"),
            pytest.param({"context": None}, "context", id="no context"),
            pytest.param({"idempotencyKey": "k"}, "idempotencyKey", id="a key"),
        ],
    )
    def test_fields(self, tenancy: Tenancy, refused: Refused, patch: dict[str, Any], field: str) -> None:
        create(tenancy, "runner", a_run(), check=True)
        answer = tenancy.admin("patch", "pwr", "orders-1", "--type=merge", "-p", json.dumps({"spec": patch}))
        refused(answer, f"spec.{field} cannot change; of a run only spec.cancel and spec.suspend can: create a new run")

    @pytest.mark.parametrize(
        "operation",
        [
            pytest.param({"op": "replace", "path": "/steps/0/script/source", "value": "false"}, id="a program"),
            pytest.param({"op": "replace", "path": "/steps/0/script/dependencies", "value": ["a", "b"]}, id="an order"),
            pytest.param({"op": "replace", "path": "/inputs/properties/a/type", "value": "number"}, id="free form"),
            pytest.param({"op": "move", "from": "/steps/0", "path": "/steps/1"}, id="the order of steps"),
        ],
    )
    def test_inline(self, tenancy: Tenancy, refused: Refused, operation: dict[str, Any]) -> None:
        inputs = {"type": "object", "properties": {"a": {"type": "string"}}}
        create(tenancy, "inliner", a_run(inline={"inputs": inputs, "steps": [STEP, {**STEP, "name": "b"}]}), check=True)
        moved = {key: f"/spec/inline{value}" for key, value in operation.items() if key in ("path", "from")}
        patch = json.dumps([{**operation, **moved}])
        refused(tenancy.admin("patch", "pwr", "orders-1", "--type=json", "-p", patch), "spec.inline cannot change")

    def test_cancel_is_final(self, tenancy: Tenancy, refused: Refused) -> None:
        create(tenancy, "runner", a_run(), check=True)
        cancel = ("patch", "pwr", "orders-1", "--type=merge", "-p")
        tenancy.kubectl("alice", *cancel, '{"spec":{"cancel":true}}', check=True)
        refused(tenancy.kubectl("alice", *cancel, '{"spec":{"cancel":false}}'), "spec.cancel cannot be taken back")

    def test_a_dead_owner(self, tenancy: Tenancy, refused: Refused) -> None:
        create(tenancy, "runner", a_run(), check=True)
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "11111111-1111-1111-1111-111111111111"}
        patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
        refused(
            tenancy.kubectl("alice", "patch", "pwr", "orders-1", "--type=merge", "-p", patch),
            "ownerReferences of a run cannot change",
        )


class TestStatus:
    """The operator's memory."""

    def test_pending_is_seen_before_anybody_wrote_it(self, tenancy: Tenancy) -> None:
        create(tenancy, "runner", a_run(), check=True)
        head, row = tenancy.admin("get", "pwr").stdout.splitlines()
        assert head.split() == ["NAME", "PHASE", "PROGRESS", "CACHED", "WAITING-FOR", "AGE"]
        assert row.split()[:2] == ["orders-1", "Pending"]
        for selector, want in (
            ("status.phase=Pending,spec.workflow.name=orders", "orders-1"),
            ("status.phase=Failed", ""),
        ):
            assert want in tenancy.admin("get", "pwr", f"--field-selector={selector}", "--no-headers").stdout

    @pytest.mark.parametrize("user", ["alice", "root"])
    def test_runs(self, tenancy: Tenancy, refused: Refused, user: str) -> None:
        create(tenancy, "runner", a_run(), check=True)
        done = (
            "patch",
            "pwr",
            "orders-1",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status":{"phase":"Succeeded"}}',
        )
        refused(tenancy.kubectl(user, *done), "status is written by the operator only")
        refused(tenancy.admin(*done), "status is written by the operator only")
        assert tenancy.read("pwr", "orders-1")["status"] == {"phase": "Pending"}

    def test_through_the_object_itself(self, tenancy: Tenancy) -> None:
        """kubectl create and replace carry a status along; the API server drops it."""
        run = {**a_run(), "status": {"phase": "Succeeded"}}
        create(tenancy, "runner", run, check=True)
        tenancy.kubectl("alice", "patch", "pwr", "orders-1", "--type=merge", "-p", '{"status":{"phase":"Failed"}}')
        assert tenancy.read("pwr", "orders-1")["status"] == {"phase": "Pending"}

    def test_workflows(self, tenancy: Tenancy, refused: Refused) -> None:
        workflow = {**a_run(steps=[STEP]), "kind": "Workflow", "metadata": {"name": "orders"}}
        tenancy.kubectl("alice", "create", "-f", "-", stdin=workflow, check=True)
        ready = {"type": "Ready", "status": "True", "reason": "Mine"}
        patch = ("patch", "pwf", "orders", "--subresource=status", "--type=merge", "-p")
        answer = tenancy.kubectl("alice", *patch, json.dumps({"status": {"conditions": [ready]}}))
        refused(answer, "status is written by the operator only")
        assert "Unknown" in tenancy.admin("get", "pwf", "orders").stdout

    def test_the_operator_writes_and_a_finished_run_stays_finished(self, tenancy: Tenancy, refused: Refused) -> None:
        create(tenancy, "runner", a_run(), check=True)
        patch = ("patch", "pwr", "orders-1", "--subresource=status", "--type=merge", "-p")
        tenancy.operator(*patch, '{"status":{"phase":"Running","progress":"1/2","steps":{"a":{"phase":"Succeeded"}}}}')
        tenancy.operator(*patch, '{"status":{"phase":"Failed"}}')
        again = tenancy.operator(*patch, '{"status":{"phase":"Running"}}', check=False)
        refused(again, "a finished run stays as it ended")

    def test_the_operator_asks_for_nothing_in_nobodys_name(self, tenancy: Tenancy) -> None:
        tenancy.operator("create", "-f", "-", stdin=a_run())
        assert requested_by(tenancy)["user"] == OPERATOR
