"""The real cluster, for all tests below: found or started once, skipped in plain sight where none can be had."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import (
    RELEASE,
    SYSTEM_NAMESPACE,
    Cluster,
    NoClusterError,
    Release,
    find_cluster,
    required,
)
from tests.support.host_operator import OperatorConfig, operator_config
from tests.support.installation import Installation, build_images, put_authorities
from tests.support.tenant import Tenant

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                # Fixtures have limits of their own: the first start of the cluster takes minutes.
                item.add_marker(pytest.mark.timeout(300, func_only=True))


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    try:
        return find_cluster()
    except NoClusterError as reason:
        if required():
            pytest.fail(f"CI=true asks for the cluster, and there is none: {reason}", pytrace=False)
        pytest.skip(f"no cluster: {reason}")


@pytest.fixture(scope="session")
def release(cluster: Cluster) -> Release:
    """The charts; whoever needs something installed says with which values."""
    return Release(cluster)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own. It is deleted afterwards, which is not waited for."""
    name = f"e2e-{uuid.uuid4().hex[:10]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture(scope="session")
def installation(cluster: Cluster, release: Release) -> Installation:
    """Penstock from this tree, with both deployments ready. Who changes it puts it back."""
    made = Installation(cluster, release, build_images())
    made.install()
    return made


@pytest.fixture
def tenant(cluster: Cluster, installation: Installation, namespace: str) -> Tenant:
    """The test's namespace with people in it, and Penstock at work."""
    put_authorities(cluster, namespace)
    made = Tenant(cluster, namespace)
    made.settle()
    return made


@pytest.fixture(scope="module")
def config(
    cluster: Cluster, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorConfig]:
    """How an operator is run here; the one in the cluster rests meanwhile."""
    deployment = ("deployment", f"{RELEASE}-operator", "-n", SYSTEM_NAMESPACE)
    cluster.kubectl("scale", *deployment, "--replicas=0")
    pods = ("pod", "-l", "app.kubernetes.io/component=operator", "-n", SYSTEM_NAMESPACE)
    cluster.kubectl("wait", *pods, "--for=delete", "--timeout=60s", timeout=90)
    yield operator_config(cluster, installation.images, tmp_path_factory.mktemp("operators"))
    cluster.kubectl("scale", *deployment, "--replicas=1")
    cluster.kubectl("rollout", "status", *deployment, "--timeout=120s", timeout=150)
