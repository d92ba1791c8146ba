"""What is taken from a run while it runs: its Job, its pod, its operator; and the way without managed Jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, RELEASE, SYSTEM_NAMESPACE
from tests.support.installation import Installation
from tests.support.tenant import ALICE, Json, Tenant, a_step, a_workflow

SLEEPS = a_workflow("sleeps", a_step("sleeps", "sleep 600", runtime="bash"))


def jobs_created(tenant: Tenant, since: int) -> int:
    writes = audit.writes(from_environment().audit_log, since)
    wanted = (tenant.namespace, "jobs", "create", 201)
    return sum((write.namespace, write.resource, write.verb, write.code) == wanted for write in writes)


def asleep(tenant: Tenant) -> tuple[str, Json]:
    """A run whose step sleeps, and its pod."""
    tenant.apply(SLEEPS)
    run = tenant.start("sleeps")
    return run, tenant.running_pod(run)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        pytest.param("job", False, id="Job"),
        pytest.param("job", True, id="Job that was written down"),
        pytest.param("pod", False, id="pod"),
    ],
)
def test_an_attempt_that_was_taken_away_is_lost_and_not_made_again(tenant: Tenant, kind: str, written: bool) -> None:
    since = audit.end(from_environment().audit_log)
    run, pod = asleep(tenant)
    if written:
        tenant.step_phase(run, "sleeps", "Running")
    # The guards let only the operator delete what belongs to a run: this is somebody with its token.
    words = (
        "-n",
        tenant.namespace,
        "delete",
        kind,
        pod["metadata"]["name"],
        "--grace-period=0",
        "--force",
        "--wait=false",
    )
    tenant.cluster.kubectl(*words, as_user=OPERATOR)
    status = tenant.finished(run)["status"]
    # A pod that is deleted ends in peace: its harness still says that it was asked to stop.
    assert (status["phase"], status["error"]["code"]) in (("Failed", "LOST"), ("Failed", "STOPPED"))
    assert status["steps"]["sleeps"]["attempt"] == 1
    assert jobs_created(tenant, since) == 1


def test_the_operator_is_replaced_while_a_step_runs(tenant: Tenant) -> None:
    since = audit.end(from_environment().audit_log)
    tenant.apply(a_workflow("slow", a_step("slow", "import time\ntime.sleep(12)\noutput('slept')")))
    run = tenant.start("slow")
    tenant.running_pod(run)
    deployment = f"deployment/{RELEASE}-operator"
    tenant.cluster.kubectl("-n", SYSTEM_NAMESPACE, "rollout", "restart", deployment)
    tenant.cluster.kubectl("-n", SYSTEM_NAMESPACE, "rollout", "status", deployment, "--timeout=120s", timeout=150)
    status = tenant.finished(run)["status"]
    assert (status["phase"], status["output"], status["steps"]["slow"]["attempt"]) == ("Succeeded", "slept", 1)
    assert jobs_created(tenant, since) == 1


@pytest.fixture
def native(installation: Installation) -> Iterator[None]:
    """The built-in Job controller makes the pods."""
    installation.install(operator__executor="native")
    yield
    installation.install()


def test_the_built_in_job_controller_makes_the_pods(native: None, tenant: Tenant) -> None:
    flaky = 'if [ "$PENSTOCK_ATTEMPT" = 1 ]; then exit 3; fi; output "$PENSTOCK_ATTEMPT"'
    retry = {"limit": 1, "backoff": {"initial": "100ms"}}
    first = a_step("first", flaky, runtime="bash", retry=retry)
    tenant.apply(a_workflow("native", first, a_step("second", "output(steps.first.output * 21)", needs=["first"])))
    run = tenant.start("native")
    status = tenant.finished(run)["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", 42)
    jobs = tenant.of_run("job", run)
    assert [job["spec"].get("managedBy") for job in jobs] == [None] * 3
    tenant.admin("wait", "job", "--all", "--for=jsonpath={.status.conditions}", "--timeout=60s", timeout=90)
    made_by = {pod["metadata"]["ownerReferences"][0]["name"] for pod in tenant.of_run("pod", run)}
    assert made_by == {job["metadata"]["name"] for job in jobs}
    assert tenant.kubectl(ALICE, "get", "pwr", run).returncode == 0
