"""Jobs, pods and ConfigMaps, as recorded in tests/golden/jobs, and the rules that the recordings cannot show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.adapters.kube import manifests
from penstock.adapters.kube.documents import input_document
from penstock.adapters.kube.manifests import PodSettings
from penstock.engine.model import AttemptId
from penstock.errors import InvalidInput
from tests.unit.adapters.kube.samples import NONCE, a_live_run, a_start

GOLDEN = Path(__file__).parents[3] / "golden" / "jobs"
RUN = a_live_run()
PLAIN = PodSettings(in_memory=frozenset({"python"}))
EVERYTHING: dict[str, Any] = {
    "env": [
        {"name": "REGION", "value": "eu"},
        {"name": "PENSTOCK_INPUT", "value": "/etc/passwd"},
        {"name": "PENSTOCK_DOCUMENT", "value": "{}"},
    ],
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi", "ephemeral-storage": "10Gi"}},
    "timeoutSeconds": 90.0,
}


def made(settings: PodSettings, **program: Any) -> list[dict[str, Any]]:
    command = a_start(RUN, **program)
    document = input_document(command, NONCE)
    objects = [manifests.job(RUN, command, document, settings)]
    objects += manifests.config_maps(RUN, command.name, document, "job-uid")
    if settings.managed:
        objects.append(manifests.pod(RUN, command, document, "job-uid", settings))
    return objects


CONTAINER: dict[str, Any] = {
    "kind": "container",
    "image": "registry.example/tool@sha256:" + "2" * 64,
    "command": ["run"],
    "args": ["--order", "ORD-$(ID)", "a $5 note"],
    "workingDir": "/data",
    "runAsUser": 1000,
    "outputFrom": "log",
    "env": [{"name": "REGION", "value": "eu"}, {"name": "SPY", "value": "$(PENSTOCK_RUN) $$"}],
    "timeoutSeconds": 90,
}
SECRETS: dict[str, Any] = {
    "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
    "envFrom": [{"prefix": "DB_", "secretRef": {"name": "db"}}],
    "secrets": ["tls"],
}
CASES = {
    "container": made(PLAIN, **CONTAINER),
    "managed": made(PLAIN),
    "native": made(replace(PLAIN, managed=False)),
    "secrets": made(PLAIN, **SECRETS),
    "everything": made(replace(PLAIN, dns_policy="Default", ca_bundle="company-ca"), **EVERYTHING),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_objects_of_an_attempt_are_as_recorded(name: str, update_golden: bool):
    file = GOLDEN / f"{name}.yaml"
    text = yaml.safe_dump_all(CASES[name], sort_keys=True, width=120)
    if update_golden:
        file.write_text(text)
    assert file.read_text() == text, "run pytest with --update-golden and look at the difference"


def containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pods = [obj["spec"]["template"] if obj["kind"] == "Job" else obj for obj in objects if obj["kind"] != "ConfigMap"]
    return [container for pod in pods for container in pod["spec"]["containers"]]


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"container"}))
def test_programs_and_input_are_never_text_that_kubernetes_reads(name: str):
    for container in containers(CASES[name]):
        assert not {"command", "args"} & container.keys()
        assert "output(1)" not in str(container["env"])


def test_a_step_cannot_choose_where_its_input_comes_from():
    for container in containers(CASES["everything"]):
        names = [each["name"] for each in container["env"]]
        assert names.count("PENSTOCK_INPUT") == 1
        assert names.count("PENSTOCK_DOCUMENT") == 1
        assert {"name": "PENSTOCK_INPUT", "value": "env:PENSTOCK_DOCUMENT"} in container["env"]


def expanded(text: str) -> str:
    """What Kubernetes makes of a text where no variable is known."""
    return re.sub(r"\$(\$|\((\w+)\))", lambda match: "$" if match[1] == "$" else "EXPANDED", text)


@pytest.mark.parametrize("text", ["$(PENSTOCK_DOCUMENT)", "$$(HOME)", "costs $5", "$$", "$", "$(", "a$$$(b)"])
def test_what_the_step_says_is_never_expanded(text: str):
    program = {**CONTAINER, "command": [text], "args": [text], "env": [{"name": "SPY", "value": text}]}
    for container in containers(made(PLAIN, **program)):
        words = [*container["command"], *container["args"], container["env"][0]["value"]]
        assert [expanded(word) for word in words] == [text] * 3


def test_an_image_of_somebodys_runs_as_its_own_user_and_can_write_to_tmp():
    program = {name: value for name, value in CONTAINER.items() if name not in ("runAsUser", "workingDir", "command")}
    *_, pod = made(PLAIN, **program)
    assert pod["spec"]["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = pod["spec"]["containers"]
    assert not {"command", "workingDir"} & container.keys()
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]


def test_only_a_harness_takes_the_prefix_of_secrets_off_again():
    [container] = containers(made(PLAIN, **{**CONTAINER, **SECRETS})[-1:])
    assert container["envFrom"] == [{"prefix": "DB_", "secretRef": {"name": "db"}}]
    assert {"name": "PENSTOCK_SECRETS", "value": "/penstock/secrets"} in container["env"]


def test_a_harness_is_told_which_variables_to_mask():
    assert '"secretEnv":["PASSWORD"]' in input_document(a_start(RUN, **SECRETS), NONCE).text
    assert "secretEnv" not in input_document(a_start(RUN), NONCE).text


def test_a_container_is_given_no_input_document():
    for made_object in made(PLAIN, **CONTAINER):
        assert "penstock.dev/document" not in made_object["metadata"]["annotations"]
        assert made_object["metadata"]["annotations"]["penstock.dev/output-from"] == "log"


def test_a_workflow_may_say_where_its_pods_run_and_nothing_else_of_them():
    pod = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "runtimeClassName": "gvisor",
        "serviceAccountName": "deployer",
        "hostNetwork": True,
    }
    for spec in (made(PLAIN, pod=pod)[0]["spec"]["template"]["spec"], made(PLAIN, pod=pod)[-1]["spec"]):
        assert {name: spec.get(name) for name in pod} == {**pod, "hostNetwork": None}
        assert spec["automountServiceAccountToken"] is True


def test_only_a_step_that_acts_as_an_account_has_a_token():
    for manifest in made(PLAIN):
        spec = manifest["spec"]["template"]["spec"] if manifest["kind"] == "Job" else manifest["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert "serviceAccountName" not in spec


def disks(settings: PodSettings = PLAIN, **program: Any) -> list[str]:
    """Sizes of the disks that a step's pod has."""
    pod = made(settings, **program)[-1]
    return [volume["emptyDir"]["sizeLimit"] for volume in pod["spec"].get("volumes", [])]


def test_a_plain_step_has_no_volume_at_all():
    for container in containers(made(PLAIN)):
        assert "volumeMounts" not in container
    assert disks() == []


@pytest.mark.parametrize(
    ("program", "sizes"),
    [
        pytest.param({"dependencies": ["numpy==2.3.1"]}, ["1Gi"], id="dependencies hold libraries"),
        pytest.param({"source": "# /// script\n# ///\n"}, ["1Gi"], id="the script's own metadata names them"),
        pytest.param({"runtime": "go"}, ["1Gi"], id="a runtime that is not said to do without"),
        pytest.param({"resources": {"limits": {"ephemeral-storage": "5Gi"}}}, ["5Gi"], id="a limit"),
        pytest.param({"resources": {"requests": {"ephemeral-storage": "2Gi"}}}, ["2Gi"], id="a request"),
        pytest.param(
            {"dependencies": ["x"], "resources": {"limits": {"ephemeral-storage": "5Gi"}}}, ["5Gi"], id="both"
        ),
        pytest.param({"resources": {"limits": {"memory": "1Gi"}}}, [], id="memory is no disk"),
    ],
)
def test_a_step_that_needs_a_disk_gets_one(program: dict[str, Any], sizes: list[str]):
    assert disks(**program) == sizes


def test_a_large_document_travels_in_immutable_parts_that_go_with_the_job():
    objects = made(PLAIN, source="@" * 2_000_000)
    job, *parts, pod = objects

    assert [part["kind"] for part in parts] == ["ConfigMap"] * 3
    assert all(part["immutable"] and part["metadata"]["ownerReferences"][0]["uid"] == "job-uid" for part in parts)
    sources = pod["spec"]["volumes"][0]["projected"]["sources"]
    assert [each["configMap"]["name"] for each in sources] == [part["metadata"]["name"] for part in parts]
    assert "penstock.dev/document" not in pod["metadata"]["annotations"]
    assert "".join(next(iter(part["data"].values())) for part in parts).count("@") == 2_000_000
    assert len(str(job)) < 10_000


@pytest.mark.parametrize(
    ("asked", "requests", "limits"),
    [
        pytest.param({}, {"cpu": "50m", "memory": "64Mi"}, {"memory": "512Mi"}, id="nothing"),
        pytest.param(
            {"limits": {"memory": "32Mi", "cpu": "2"}},
            {"cpu": "2", "memory": "32Mi"},
            {"memory": "32Mi", "cpu": "2"},
            id="limits are requests too",
        ),
        pytest.param(
            {"requests": {"memory": "1Gi"}},
            {"cpu": "50m", "memory": "1Gi"},
            {"memory": "1Gi"},
            id="a request above the default limit",
        ),
    ],
)
def test_resources_are_completed_so_that_they_fit_together(
    asked: dict[str, Any], requests: dict[str, str], limits: dict[str, str]
):
    assert manifests.resources(asked, PLAIN) == {"requests": requests, "limits": limits}


def test_the_pods_deadline_comes_after_the_harnesss_and_the_engines():
    job = made(PLAIN, timeoutSeconds=90.0)[0]

    # 90 s of the step and 300 s to start are the engine's; then the pod's.
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] > 390


def test_a_runtime_without_an_image_is_refused():
    with pytest.raises(InvalidInput, match="python"):
        made(PLAIN, image="")


def test_a_container_of_an_item_knows_its_place_and_has_a_key_of_its_own():
    command = a_start(RUN, **CONTAINER)
    items = [{"index": 7, "value": {"sku": "a"}}]
    command = replace(command, id=AttemptId("charge", 1, 7), document={**command.document, "items": items})
    pod = manifests.pod(RUN, command, input_document(command, NONCE), "job-uid", PLAIN)
    [container] = pod["spec"]["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    assert given["PENSTOCK_ITEM_INDEX"] == "7"
    assert given["PENSTOCK_IDEMPOTENCY_KEY"] == f"{command.document['idempotencyKey']}/7"
    assert "sku" not in str(pod)
