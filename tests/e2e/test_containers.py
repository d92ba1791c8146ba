"""`container` steps on the real cluster: any image, no harness; what it gives back and how its end is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.installation import Image, Images, Installation
from tests.support.tenant import ALICE, LEAD, Json, Tenant, a_step, a_workflow


@pytest.fixture
def image(installation: Installation) -> str:
    """An image with a shell and a numeric user; that it also has a harness plays no part."""
    images: Images = installation.images
    return images.runtimes["bash"]


def a_container(image: str, script: str, *args: str, **more: Any) -> Json:
    step = {key: more.pop(key) for key in ("needs", "env", "timeout", "resources", "requiresApproval") if key in more}
    container = {"image": image, "command": ["/bin/bash", "-c"], "args": [script, "sh", *args], **more}
    return {"name": "tool", "container": container, **step}


def ran(tenant: Tenant, *steps: Json, **spec: Any) -> Json:
    tenant.apply(a_workflow("tool", *steps, **spec))
    tenant.start("tool")
    return tenant.finished("run")


def test_values_of_earlier_steps_go_in_as_arguments_and_json_comes_out(tenant: Tenant, image: str) -> None:
    script = 'echo "working on $1"; printf \'{"order": "%s", "region": "%s"}\' "$1" "$REGION" > "$PENSTOCK_OUTPUT"'
    step = a_container(
        image,
        script,
        "{{ steps.plan.output.order }}",
        needs=["plan"],
        env=[{"name": "REGION", "value": "{{ steps.plan.output.region }}"}],
    )
    run = ran(tenant, a_step("plan", 'output({"order": "$(id) ORD-1", "region": "$(PENSTOCK_RUN) $$"})'), step)
    assert run["status"]["output"] == {"order": "$(id) ORD-1", "region": "$(PENSTOCK_RUN) $$"}
    assert "working on $(id) ORD-1" in tenant.kubectl(ALICE, "logs", "-l", "penstock.dev/run=run", "--tail=-1").stdout


def test_its_output_may_come_from_its_log(tenant: Tenant, image: str) -> None:
    run = ran(tenant, a_container(image, "echo working; echo '[1, 2]'", outputFrom="log"))
    assert run["status"]["output"] == [1, 2]


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        pytest.param("exit 3", "CONTAINER_FAILED", "exit code 3", id="exit code"),
        # Process 1 is deaf to signals that it does not ask for, so the one that dies is its child.
        pytest.param("bash -c 'kill -SEGV $$'; exit $?", "SIGNALLED", "SIGSEGV", id="signal"),
        pytest.param("head -c 200M /dev/zero | tail > /dev/null", "OOM_KILLED", "memory", id="memory"),
        pytest.param("head -c 5000 /dev/zero | tr '\\0' x > $PENSTOCK_OUTPUT", "OUTPUT_TOO_LARGE", "log", id="output"),
    ],
)
def test_how_it_failed_is_told_apart(tenant: Tenant, image: str, script: str, code: str, words: str) -> None:
    run = ran(tenant, a_container(image, script, resources={"limits": {"memory": "48Mi"}}))
    assert run["status"]["error"]["code"] == code
    assert words in run["status"]["error"]["reason"]


def test_its_timeout_counts_from_its_start(tenant: Tenant, image: str) -> None:
    run = ran(tenant, a_container(image, "sleep 600", timeout="2s"))
    assert (run["status"]["error"]["code"], "2 s" in run["status"]["error"]["reason"]) == ("TIMED_OUT", True)
    tenant.admin("wait", "pod", "--all", "--for=delete", "--timeout=60s", check=False)
    assert tenant.of_run("pod", "run") == []


def test_an_image_that_runs_as_root_is_refused_with_what_to_do(tenant: Tenant) -> None:
    rooted = Image("penstock-test-rooted", "tests/support/rooted/Dockerfile", "tests/support/rooted").build()
    run = ran(tenant, a_container(rooted, "true"))
    assert run["status"]["error"]["code"] == "IMAGE_RUNS_AS_ROOT"


def test_a_gate_in_front_of_it_binds_its_image_and_its_arguments(tenant: Tenant, image: str) -> None:
    gate = {"approvers": {"users": [LEAD.name]}}
    step = a_container(image, 'printf "%s" "$1" > "$PENSTOCK_OUTPUT"', "{{ run.name }}", requiresApproval=gate)
    tenant.apply(a_workflow("tool", step))
    run = tenant.start("tool")
    request = tenant.gate(tenant.phase(run, "Waiting"), "tool")
    assert '"run"' in request["spec"]["request"]["subject"]
    assert image in request["spec"]["request"]["subject"]
    assert tenant.vote(LEAD, request).returncode == 0
    assert tenant.finished(run)["status"]["output"] == "run"
