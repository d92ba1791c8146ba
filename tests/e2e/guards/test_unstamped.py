"""Clusters that cannot stamp (before Kubernetes 1.36): who creates a run, or edits a Workflow with schedules, names
himself, and is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.e2e.guards.test_runs import a_run, create, requested_by
from tests.e2e.guards.test_workflows import a_workflow, editor
from tests.support.cluster import Answer, Cluster, wait_for

Refused = Callable[[Answer, str], None]

KIND = "mutatingadmissionpolicybinding"
STAMPS = ("requested-by.penstock.dev", "edited-by.penstock.dev")


@pytest.fixture(scope="module")
def unstamped(cluster: Cluster, guards: None) -> Iterator[None]:
    """The cluster without the stamps, for as long as these tests run."""
    bindings = [cluster.read(KIND, name) for name in STAMPS]
    for binding in bindings:
        binding["metadata"] = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
    cluster.kubectl("delete", KIND, *STAMPS)
    try:
        wait_for(lambda: not any(stamped(cluster)), seconds=30, what="nothing is stamped any more")
        yield
    finally:
        cluster.kubectl("create", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": bindings})
        wait_for(lambda: all(stamped(cluster)), seconds=30, what="everything is stamped again")


def stamped(cluster: Cluster) -> Iterator[bool]:
    words = ("create", "--dry-run=server", "-n", "default", "-o", "json", "-f", "-")
    for found in (a_run(), a_workflow()):
        yield cluster.kubectl(*words, stdin=found, check=False).returncode == 0


@pytest.fixture
def claim(tenancy: Tenancy, unstamped: None) -> Callable[..., Answer]:
    """Creates a run as `runner` who says this of himself."""

    def make(requested: dict[str, Any] | None, **options: Any) -> Answer:
        run = a_run()
        if requested is not None:
            run["spec"]["requestedBy"] = requested
        return create(tenancy, "runner", run, **options)

    return make


def test_the_truth(tenancy: Tenancy, claim: Callable[..., Answer]) -> None:
    assert claim({"user": "runner", "groups": ["sales"]}, as_groups=["sales"]).returncode == 0
    assert requested_by(tenancy) == {"user": "runner", "client": "", "groups": ["sales"]}


@pytest.mark.parametrize(
    ("requested", "reason"),
    [
        pytest.param(None, "say who asks: spec.requestedBy.user must be runner", id="nobody"),
        pytest.param({"user": "mallory"}, "spec.requestedBy.user must be you: runner", id="another user"),
        pytest.param({"user": "runner", "client": "phone"}, "that you come through: leave it out", id="another client"),
        pytest.param({"user": "runner", "groups": ["leads"]}, "a group that you are not in", id="another group"),
    ],
)
def test_lies(claim: Callable[..., Answer], refused: Refused, requested: dict[str, Any] | None, reason: str) -> None:
    refused(claim(requested), reason)


def test_hiding_the_client(claim: Callable[..., Answer], refused: Refused) -> None:
    answer = claim({"user": "runner"}, as_extra={"penstock.dev/client": "agent-7"})
    refused(answer, "that you come through: agent-7")


class TestWorkflows:
    """The same for whoever edits."""

    def test_the_truth(self, tenancy: Tenancy, unstamped: None) -> None:
        tenancy.kubectl("alice", "create", "-f", "-", stdin=a_workflow(editedBy={"user": "alice"}), check=True)
        changed = a_workflow("echo other", editedBy={"user": "bob"})
        tenancy.kubectl("bob", "replace", "-f", "-", stdin=changed, check=True)
        assert editor(tenancy)["user"] == "bob"

    def test_without_schedules_it_may_be_left_out(self, tenancy: Tenancy, unstamped: None) -> None:
        plain = a_workflow()
        del plain["spec"]["schedules"]
        tenancy.kubectl("alice", "create", "-f", "-", stdin=plain, check=True)

    @pytest.mark.parametrize(
        ("edited", "reason"),
        [
            pytest.param(None, "whose runs they are: editedBy.user must be mallory", id="nobody"),
            pytest.param({"user": "alice"}, "editedBy.user must be you: mallory", id="another user"),
            pytest.param({"user": "mallory", "client": "phone"}, "leave it out", id="another client"),
            pytest.param({"user": "mallory", "groups": ["leads"]}, "a group that you are not in", id="another group"),
        ],
    )
    def test_lies(
        self, tenancy: Tenancy, unstamped: None, refused: Refused, edited: dict[str, Any] | None, reason: str
    ) -> None:
        more = {"editedBy": edited} if edited else {}
        refused(tenancy.kubectl("mallory", "create", "-f", "-", stdin=a_workflow(**more)), reason)

    def test_nobody_leaves_another_name_on_his_own_change(
        self, tenancy: Tenancy, unstamped: None, refused: Refused
    ) -> None:
        written = a_workflow(editedBy={"user": "alice"})
        tenancy.kubectl("alice", "create", "-f", "-", stdin=written, check=True)
        changed = a_workflow("curl evil", editedBy={"user": "alice"})
        refused(tenancy.kubectl("mallory", "replace", "-f", "-", stdin=changed), "editedBy.user must be you: mallory")
        claim = ("patch", "pwf", "orders", "--type=merge", "-p", '{"editedBy":{"user":"mallory"}}')
        refused(tenancy.kubectl("mallory", *claim), "editedBy changes with the spec only")
