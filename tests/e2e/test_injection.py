"""Values that look like program text in every position that Kubernetes itself reads: they arrive byte for byte."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.payloads import PAYLOADS
from tests.support.tenant import Json, Tenant, a_step, a_workflow

VALUES = [payload for payload in PAYLOADS if len(payload) < 1000]
CONTEXT = {f"p{number}": payload for number, payload in enumerate(VALUES)}
SHOW = """
[ ! -e canary ] && [ ! -e /tmp/canary ] || exit 9
args=$(for value in "$@"; do printf '%s\\0' "$value"; done | base64 -w0)
vars=$(for name in ${!V_@}; do printf '%s=%s\\0' "$name" "${!name}"; done | base64 -w0)
printf '{"args": "%s", "vars": "%s"}' "$args" "$vars" > "$PENSTOCK_OUTPUT"
"""


def variables() -> list[Json]:
    return [{"name": f"V_{name}", "value": f"{{{{ context.{name} }}}}"} for name in CONTEXT]


def shown(text: str) -> list[str]:
    return b64decode(text).decode().split("\0")[:-1]


def ran(tenant: Tenant, *steps: Json, context: dict[str, Any]) -> Json:
    tenant.apply(a_workflow("shows", *steps))
    tenant.start("shows", context)
    status: Json = tenant.finished("run")["status"]
    assert status["phase"] == "Succeeded", status
    return status


@pytest.fixture
def image(installation: Installation) -> str:
    return installation.images.runtimes["bash"]


def test_arguments_and_variables_of_a_container(tenant: Tenant, image: str) -> None:
    args = [SHOW, "sh", *(f"{{{{ context.{name} }}}}" for name in CONTEXT)]
    container = {"image": image, "command": ["/bin/bash", "-c"], "args": args}
    output = ran(tenant, {"name": "tool", "container": container, "env": variables()}, context=CONTEXT)["output"]
    assert shown(output["args"]) == VALUES
    assert sorted(shown(output["vars"])) == sorted(f"V_{name}={value}" for name, value in CONTEXT.items())


def test_what_the_author_wrote_himself_is_no_variable_of_kubernetes_either(tenant: Tenant, image: str) -> None:
    written = ["$(PENSTOCK_RUN)", "$$(HOME)", "$$", "a$(", "$(V_SELF)$(V_SELF)"]
    env = [{"name": "V_SELF", "value": "$(V_SELF) $(PATH) $$"}]
    container = {"image": image, "command": ["/bin/bash", "-c"], "args": [SHOW, "sh", *written]}
    output = ran(tenant, {"name": "tool", "container": container, "env": env}, context={})["output"]
    assert shown(output["args"]) == written
    assert shown(output["vars"]) == ["V_SELF=$(V_SELF) $(PATH) $$"]


def test_the_item_of_a_container(tenant: Tenant, image: str) -> None:
    chosen = ["$(PENSTOCK_RUN)", "$$(HOME) `touch canary`", "'; touch canary; '", "{{ context.list }}"]
    container = {"image": image, "command": ["/bin/bash", "-c"], "args": [SHOW, "sh", "{{ item }}"]}
    env = [{"name": "V_ITEM", "value": "{{ item }}"}]
    step = {"name": "tool", "container": container, "env": env, "forEach": "context.list"}
    outputs = ran(tenant, step, context={"list": chosen})["output"]
    assert [shown(output["args"]) for output in outputs] == [[value] for value in chosen]
    assert [shown(output["vars"]) for output in outputs] == [[f"V_ITEM={value}"] for value in chosen]


def test_the_context_the_variables_and_the_program_of_a_script(tenant: Tenant) -> None:
    names = ", ".join(f"'{name}': {{{{context_{name}}}}}" for name in CONTEXT)
    source = (
        "import os, pathlib\n"
        f"values = {{{names}}}\n"
        "assert not pathlib.Path('canary').exists() and not pathlib.Path('/tmp/canary').exists()\n"
        "output({'values': values, 'vars': {n: os.environ['V_' + n] for n in values}})"
    )
    output = ran(tenant, a_step("only", source, env=variables()), context=CONTEXT)["output"]
    assert output == {"values": CONTEXT, "vars": CONTEXT}
