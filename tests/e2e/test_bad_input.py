"""Mistakes in Workflows and contexts: said at once, all of them, and before anything is created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import CommandLine, output_of
from tests.support.credentials import persons_kubeconfig
from tests.support.tenant import ALICE, Tenant, a_run, a_step, a_workflow

FIVE_MISTAKES = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata:
  name: five-mistakes
spec:
  inputs:
    type: object
    properties:
      customer_id: {type: string}
  steps:
    - name: send-email
      needs: [charg]
      script:
        runtime: python
        source: |
          print("Dear {{context_customer_id}}")
      timeout: 90 seconds
    - name: charge
      when: context.customer == ''
      script: {runtime: bash, source: echo}
"""
LINES = (11, 12, 16, 17, 19)
FIXED = {"send-email": "send_email", "90 seconds": "90s"}
"""What the schema of the API server sees, and what to write instead."""
LEFT = ("There is no step `charg`", "stands in a string", "`customer`")
"""What only the operator can see: words of each problem."""

INPUTS = {
    "type": "object",
    "required": ["customer_id"],
    "properties": {"customer_id": {"type": "string"}, "total": {"type": "number"}},
}
BAD_CONTEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"customer_id": "a", "colour": "red"}, "There is no input `colour`"),
    "a wrong type": ({"customer_id": "a", "total": "many"}, "context.total"),
    "a string of 10,001 characters": ({"customer_id": "x" * 10_001}, "10,000 is the limit"),
}


def nothing_started(tenant: Tenant) -> None:
    for kind in ("jobs", "pods", "approvalrequests"):
        assert tenant.cluster.read("-n", tenant.namespace, kind)["items"] == []


def test_five_mistakes(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "five.yaml"
    file.write_text(FIVE_MISTAKES)
    alice = CommandLine(persons_kubeconfig(tenant.cluster, ALICE, tenant.namespace, tmp_path), tmp_path / "home")
    validated = alice("validate", str(file))
    assert validated.returncode == 2, output_of(validated)
    said = validated.stdout + validated.stderr
    assert [line for line in LINES if f"{file}:{line}:" not in said] == [], said

    refused = tenant.kubectl(ALICE, "apply", "-f", str(file), check=False)
    assert refused.returncode != 0
    assert all(mistake in refused.stderr for mistake in FIXED), refused.stderr
    assert tenant.kubectl(ALICE, "get", "workflows").stdout == ""

    text = FIVE_MISTAKES
    for mistake, instead in FIXED.items():
        text = text.replace(mistake, instead)
    tenant.apply(yaml.safe_load(text), ready=False)
    tenant.workflow_says("five-mistakes", "Ready=False")
    (ready,) = tenant.cluster.read("-n", tenant.namespace, "workflow", "five-mistakes")["status"]["conditions"]
    assert [words for words in LEFT if words not in ready["message"]] == [], ready["message"]

    tenant.start("five-mistakes", {"customer_id": "CUST-1"})
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["error"]["code"]) == ("Failed", "INVALID_INPUT")
    assert [words for words in LEFT if words not in status["error"]["reason"]] == []
    assert "steps" not in status
    nothing_started(tenant)


def test_a_placeholder_in_a_string_literal_gets_the_corrected_line(tenant: Tenant) -> None:
    step = a_step("greet", 'print("Dear {{context_customer_id}}!")')
    tenant.apply(a_workflow("greeting", step, inputs=INPUTS), ready=False)
    tenant.workflow_says("greeting", "Ready=False")
    (ready,) = tenant.cluster.read("-n", tenant.namespace, "workflow", "greeting")["status"]["conditions"]
    assert "spec.steps[0].script.source" in ready["message"]
    assert """Write `print(f"Dear {context['customer_id']}!")`""" in ready["message"]


def test_a_corrected_workflow_becomes_ready(tenant: Tenant) -> None:
    tenant.apply(a_workflow("fixed", a_step("one", "output(1)", needs=["two"])), ready=False)
    tenant.workflow_says("fixed", "Ready=False")
    tenant.apply(a_workflow("fixed", a_step("one", "output(1)")))
    tenant.start("fixed")
    assert tenant.finished("run")["status"]["output"] == 1


def test_a_run_of_a_workflow_that_is_not_there(tenant: Tenant) -> None:
    tenant.start("nobody-wrote-it")
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["error"]["code"]) == ("Failed", "WORKFLOW_NOT_FOUND")
    assert "nobody-wrote-it" in status["error"]["reason"]


@pytest.mark.parametrize(("context", "words"), BAD_CONTEXTS.values(), ids=BAD_CONTEXTS)
def test_a_bad_context_by_kubectl_fails_before_anything_starts(
    tenant: Tenant, context: dict[str, Any], words: str
) -> None:
    tenant.apply(a_workflow("greeting", a_step("greet", "output(1)"), inputs=INPUTS))
    tenant.start("greeting", context)
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["error"]["code"]) == ("Failed", "INVALID_INPUT")
    assert words in status["error"]["reason"]
    nothing_started(tenant)


def test_a_bad_context_by_the_command_line_creates_nothing(tenant: Tenant, tmp_path: Path) -> None:
    tenant.apply(a_workflow("greeting", a_step("greet", "output(1)"), inputs=INPUTS))
    alice = CommandLine(persons_kubeconfig(tenant.cluster, ALICE, tenant.namespace, tmp_path), tmp_path / "home")
    for context, words in BAD_CONTEXTS.values():
        file = tmp_path / "context.json"
        file.write_text(json.dumps(context))
        refused = alice("submit", "greeting", "--context", str(file), "-n", tenant.namespace)
        assert refused.returncode == 2, output_of(refused)
        assert words in refused.stderr
    assert tenant.cluster.read("-n", tenant.namespace, "workflowruns")["items"] == []


def test_what_a_run_asks_for_stays(tenant: Tenant) -> None:
    """A run is immutable but for its cancellation, and kubectl says what to do instead."""
    tenant.kubectl(ALICE, "create", "-f", "-", stdin=a_run("run", "nobody-wrote-it", {"total": 1}))
    changed = tenant.kubectl(
        ALICE, "patch", "pwr", "run", "--type=merge", "-p", '{"spec":{"context":{"total":2}}}', check=False
    )
    assert changed.returncode != 0
    assert "create a new run" in changed.stderr
