"""Who edited a Workflow last: the API server writes it, for its scheduled runs are that person's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.guards.conftest import TENANTS, Tenancy
from tests.support.cluster import Answer

Refused = Callable[[Answer, str], None]

STEP = {"name": "hello", "script": {"runtime": "bash", "source": "echo hello"}}


def a_workflow(source: str = "echo hello", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "orders"},
        "spec": {
            "steps": [{"name": "hello", "script": {"runtime": "bash", "source": source}}],
            "schedules": [{"cron": "0 3 * * *"}],
        },
        **more,
    }


def editor(tenancy: Tenancy) -> dict[str, Any]:
    found: dict[str, Any] = tenancy.read("pwf", "orders")["editedBy"]
    return found


@pytest.fixture
def written(tenancy: Tenancy) -> None:
    """By alice."""
    tenancy.kubectl("alice", "create", "-f", "-", stdin=a_workflow(), as_groups=["authors"], check=True)


def test_whoever_creates_it_whatever_it_says(tenancy: Tenancy) -> None:
    claim = a_workflow(editedBy={"user": "mallory", "client": "phone", "groups": ["system:masters"]})
    extra = {"penstock.dev/client": "agent-7"}
    tenancy.kubectl("alice", "create", "-f", "-", stdin=claim, as_extra=extra, check=True)
    found = editor(tenancy)
    assert (found["user"], found["client"]) == ("alice", "agent-7")
    assert sorted(found["groups"]) == ["system:authenticated", TENANTS]


@pytest.mark.parametrize("how", ["apply", "apply --server-side --force-conflicts", "replace"])
def test_whoever_changes_the_spec(tenancy: Tenancy, written: None, how: str) -> None:
    tenancy.kubectl("bob", *how.split(), "-f", "-", stdin=a_workflow("echo other"), check=True)
    assert editor(tenancy)["user"] == "bob"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("label", "pwf", "orders", "team=sales"), id="labels"),
        pytest.param(("annotate", "pwf", "orders", "note=x"), id="annotations"),
        pytest.param(("patch", "pwf", "orders", "--type=merge", "-p", '{"editedBy":{"user":"bob"}}'), id="itself"),
        pytest.param(("patch", "pwf", "orders", "--type=merge", "-p", '{"editedBy":null}'), id="without it"),
    ],
)
def test_nobody_else(tenancy: Tenancy, written: None, words: tuple[str, ...]) -> None:
    before = editor(tenancy)
    tenancy.kubectl("bob", *words, check=True)
    assert editor(tenancy) == before
    assert sorted(before["groups"]) == ["authors", "system:authenticated", TENANTS]


def test_the_same_file_again_changes_nothing(tenancy: Tenancy, written: None) -> None:
    for words in (("apply",), ("replace",), ("apply", "--server-side", "--force-conflicts")):
        tenancy.kubectl("bob", *words, "-f", "-", stdin=a_workflow(), check=True)
        assert editor(tenancy)["user"] == "alice"


def test_the_operator_writes_status_without_becoming_the_editor(tenancy: Tenancy, written: None) -> None:
    patch = json.dumps({"status": {"observedGeneration": 1}})
    tenancy.operator("patch", "pwf", "orders", "--subresource=status", "--type=merge", "-p", patch)
    assert editor(tenancy)["user"] == "alice"


class TestScheduledRuns:
    """The operator creates runs for others; nobody else does."""

    @staticmethod
    def a_run(**metadata: Any) -> dict[str, Any]:
        return {
            "apiVersion": "penstock.dev/v1alpha1",
            "kind": "WorkflowRun",
            "metadata": {"name": "orders-1", **metadata},
            "spec": {"workflow": {"name": "orders"}, "requestedBy": {"user": "alice", "groups": ["authors"]}},
        }

    def test_as_whoever_the_operator_says(self, tenancy: Tenancy) -> None:
        run = self.a_run(labels={"penstock.dev/schedule": "nightly"})
        tenancy.operator("create", "-f", "-", stdin=run)
        found = tenancy.read("pwr", "orders-1")
        assert found["spec"]["requestedBy"] == {"user": "alice", "client": "", "groups": ["authors"]}

    def test_the_mark_of_a_schedule_is_the_operators(self, tenancy: Tenancy, refused: Refused) -> None:
        marked = self.a_run(labels={"penstock.dev/schedule": "nightly"})
        why = "the label penstock.dev/schedule is set by the operator only"
        refused(tenancy.kubectl("runner", "create", "-f", "-", stdin=marked), why)
        tenancy.kubectl("runner", "create", "-f", "-", stdin=self.a_run(), check=True)
        refused(tenancy.kubectl("runner", "label", "pwr", "orders-1", "penstock.dev/schedule=nightly"), why)

    def test_and_stays(self, tenancy: Tenancy, refused: Refused) -> None:
        tenancy.operator("create", "-f", "-", stdin=self.a_run(labels={"penstock.dev/schedule": "nightly"}))
        for label in ("penstock.dev/schedule-", "penstock.dev/schedule=other"):
            answer = tenancy.kubectl("runner", "label", "pwr", "orders-1", label, "--overwrite")
            refused(answer, "set by the operator only")
