"""Every file of examples/ on the real cluster with kubectl, all side by side, each to the end that it declares."""

from __future__ import annotations

import pytest

from tests.support.cluster import build_image
from tests.support.examples import Example, all_examples
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


def test_all_end_as_they_declare(tenant: Tenant) -> None:
    examples = all_examples()
    # There is no registry to pull from: the base of the project's own images, a plain Debian, stands in.
    for image in {image for example in examples for image in example.images}:
        build_image("tests/support/rooted/Dockerfile", "tests/support/rooted", image)
    tenant.kubectl(ALICE, "apply", *(word for example in examples for word in ("-f", str(example.path))))
    for example in examples:
        for workflow in example.workflows:
            tenant.workflow_says(workflow, "Ready=True")
    for example in examples:
        tenant.start(example.name, example.context, name=example.name)
    for example in examples:
        if example.approvedBy:
            approve(tenant, example)
    seen = {example.path.name: ending(tenant, example) for example in examples}
    assert seen == {example.path.name: example.declared() for example in examples}
