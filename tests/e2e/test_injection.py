"""Values that are program text, in every position where a placeholder or a template may stand, in real pods.

Each arrives byte for byte, and none of them makes the file that it would make if anything took it for a program.
"""

from __future__ import annotations

import pytest

from tests.support.installation import Installation
from tests.support.payloads import PAYLOADS
from tests.support.positions import POSITIONS, digest, script
from tests.support.tenant import LEAD, Json, Tenant, a_step, a_workflow

CONTEXT = {f"p{number}": payload for number, payload in enumerate(PAYLOADS)}
ANY = {"type": "object", "properties": {name: {"maxLength": 32768} for name in CONTEXT}}
"""Inputs of any type: a placeholder in Go is a `penstock.Value`, as the scripts have it."""
INPUTS = {"type": "object", "properties": {name: {"type": "string", "maxLength": 32768} for name in CONTEXT}}
SHORT = {name: payload for name, payload in CONTEXT.items() if len(payload) < 1000}
"""Those that fit into arguments and messages together."""
ECHO = (
    "import glob, json, os, sys\n"
    "variables = [os.environ[f'V_{n}'] for n in range(int(os.environ['N']))]\n"
    "print(json.dumps([sys.argv[1:], variables, glob.glob('canary')]))"
)
READS = "import glob\noutput([context, glob.glob('canary')])"


def template(name: str) -> str:
    return f"{{{{ context.{name} }}}}"


def ran(tenant: Tenant, *steps: Json, inputs: Json = INPUTS) -> Json:
    tenant.apply(a_workflow("injected", *steps, inputs=inputs))
    tenant.start("injected", CONTEXT)
    run = tenant.finished("run", seconds=240)
    assert run["status"]["phase"] == "Succeeded", tenant.account("run")
    return run


@pytest.mark.parametrize("runtime", POSITIONS)
def test_a_placeholder_is_its_value_in_every_position_of_a_script(tenant: Tenant, runtime: str) -> None:
    run = ran(tenant, a_step("shows", script(runtime, list(CONTEXT)), runtime=runtime), inputs=ANY)
    shown = str(tenant.output(run["status"])).split()
    assert dict(zip(POSITIONS[runtime], shown, strict=True)) == dict.fromkeys(POSITIONS[runtime], digest(PAYLOADS))


def test_a_template_is_its_value_in_arguments_and_variables_of_a_container(
    tenant: Tenant, installation: Installation
) -> None:
    container = {
        "image": installation.images.runtimes["python"],
        "command": ["python3", "-c", ECHO],
        "args": [template(name) for name in SHORT],
        "workingDir": "/tmp",
        "outputFrom": "log",
    }
    variables = [{"name": f"V_{number}", "value": template(name)} for number, name in enumerate(SHORT)]
    env = [{"name": "N", "value": str(len(SHORT))}, *variables]
    run = ran(tenant, {"name": "echo", "container": container, "env": env})
    assert tenant.output(run["status"]) == [list(SHORT.values()), list(SHORT.values()), []]


def test_a_template_is_its_value_in_variables_of_a_script(tenant: Tenant) -> None:
    variables = [{"name": f"V_{number}", "value": template(name)} for number, name in enumerate(SHORT)]
    source = f"import glob, os\noutput([[os.environ[f'V_{{n}}'] for n in range({len(SHORT)})], glob.glob('canary')])"
    run = ran(tenant, a_step("reads", source, env=variables))
    assert tenant.output(run["status"]) == [list(SHORT.values()), []]


def test_a_template_is_its_value_in_the_context_of_another_run(tenant: Tenant) -> None:
    tenant.apply(a_workflow("inner", a_step("reads", READS), inputs=INPUTS))
    inner = {"name": "inner", "context": {name: template(name) for name in CONTEXT}}
    run = ran(tenant, {"name": "outer", "workflow": inner})
    assert tenant.output(run["status"]) == [CONTEXT, []]


def test_people_are_shown_values_at_a_gate_as_they_are(tenant: Tenant) -> None:
    message = "|".join(template(name) for name in SHORT)
    tenant.apply(
        a_workflow(
            "injected",
            {"name": "ask", "approval": {"approvers": {"users": [LEAD.name]}, "message": message}},
            a_step("reads", READS, needs=["ask"]),
            inputs=INPUTS,
        )
    )
    tenant.start("injected", CONTEXT)
    request = tenant.gate(tenant.phase("run", "Waiting"), "ask")
    assert request["spec"]["request"]["message"] == "|".join(SHORT.values())
    assert tenant.vote(LEAD, request).returncode == 0
    assert tenant.output(tenant.finished("run")["status"]) == [CONTEXT, []]
