"""Every file of examples/ on the real cluster with kubectl, all side by side, each to the end that it declares."""

from __future__ import annotations

import pytest

from tests.support.cluster import build_image
from tests.support.examples import FOLDER, Example, all_examples
from tests.support.tenant import ALICE, PEOPLE, Json, Tenant

pytestmark = pytest.mark.timeout(600)

BY_NAME = {person.name: person for person in PEOPLE}


def approve(tenant: Tenant, example: Example) -> None:
    """Open the one gate of an example as those whom it names."""
    run = tenant.phase(example.name, "Waiting")
    [step] = [name for name, step in run["status"]["steps"].items() if step["phase"] == "Waiting"]
    for name in example.approvedBy:
        answer = tenant.vote(BY_NAME[name], tenant.gate(run, step))
        assert answer.returncode == 0, f"{example.path.name}: {name} may not approve: {answer.stderr}"


def ending(tenant: Tenant, example: Example) -> Json:
    """What the run came to, on everything that the file declares."""
    return example.seen(tenant.finished(example.name, seconds=300)["status"])


def allow(tenant: Tenant, examples: list[Example]) -> None:
    """What whoever administers the namespace does for them: Secrets that their author may read, and an account."""
    for name, values in {name: each for example in examples for name, each in example.secrets.items()}.items():
        words = [f"--from-literal={key}={value}" for key, value in values.items()]
        tenant.admin("create", "secret", "generic", name, *words)
        tenant.admin("create", "role", f"reads-{name}", "--verb=get", "--resource=secrets", f"--resource-name={name}")
        tenant.admin("create", "rolebinding", f"reads-{name}", f"--role=reads-{name}", f"--user={ALICE.name}")
    tenant.admin("apply", "-f", str(FOLDER / "cluster" / "deployer.yaml"))
    tenant.admin("create", "rolebinding", "uses-deployer", "--role=uses-deployer", f"--user={ALICE.name}")
    tenant.admin("annotate", "namespace", tenant.namespace, "penstock.dev/service-accounts=deployer")


def context(tenant: Tenant, example: Example) -> Json:
    """What it is started with; the one that deploys gets an image that the node has."""
    return {**example.context, **({"image": tenant.cluster.pause_image} if example.name == "deployment" else {})}


def test_all_end_as_they_declare(tenant: Tenant) -> None:
    examples = all_examples()
    # There is no registry to pull from: the base of the project's own images, a plain Debian, stands in.
    for image in {image for example in examples for image in example.images}:
        build_image("tests/support/rooted/Dockerfile", "tests/support/rooted", image)
    allow(tenant, examples)
    tenant.kubectl(ALICE, "apply", *(word for example in examples for word in ("-f", str(example.path))))
    for example in examples:
        for workflow in example.workflows:
            tenant.workflow_says(workflow, "Ready=True")
    for example in examples:
        tenant.start(example.name, context(tenant, example), name=example.name)
    for example in examples:
        if example.approvedBy:
            approve(tenant, example)
    seen = {example.path.name: ending(tenant, example) for example in examples}
    assert seen == {example.path.name: example.declared() for example in examples}
    # It really rolled out.
    deployed = tenant.cluster.read("-n", tenant.namespace, "deployment", "shop")
    assert deployed["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] == "2.4.0"
    assert deployed["status"]["availableReplicas"] == 1
