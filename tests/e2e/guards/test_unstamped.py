"""Clusters that cannot stamp (before Kubernetes 1.36): who creates a run names himself, and is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.e2e.guards.test_runs import a_run, create, requested_by
from tests.support.cluster import Answer, Cluster, wait_for

Refused = Callable[[Answer, str], None]

BINDING = ("mutatingadmissionpolicybinding", "requested-by.penstock.dev")


@pytest.fixture(scope="module")
def unstamped(cluster: Cluster, guards: None) -> Iterator[None]:
    """The cluster without the stamp, for as long as these tests run."""
    binding = cluster.read(*BINDING)
    binding["metadata"] = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
    cluster.kubectl("delete", *BINDING)
    try:
        wait_for(lambda: not stamped(cluster), seconds=30, what="runs are no longer stamped")
        yield
    finally:
        cluster.kubectl("create", "-f", "-", stdin=binding)
        wait_for(lambda: stamped(cluster), seconds=30, what="runs are stamped again")


def stamped(cluster: Cluster) -> bool:
    words = ("create", "--dry-run=server", "-n", "default", "-o", "json", "-f", "-")
    answer = cluster.kubectl(*words, stdin=a_run(), check=False)
    return answer.returncode == 0


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
