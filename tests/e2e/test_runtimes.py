"""Steps in the languages beside Python and bash, in their own images on the real cluster."""

from __future__ import annotations

import pytest

from tests.support.tenant import Json, Tenant, a_step, a_workflow

INPUTS = {"type": "object", "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}}}


def ran(tenant: Tenant, *steps: Json, context: Json | None = None, **spec: Json) -> Json:
    """The status of a run of these steps, at its end."""
    tenant.apply(a_workflow("languages", *steps, **spec))
    tenant.start("languages", context)
    found: Json = tenant.finished("run", seconds=300)["status"]
    return found


def test_values_pass_from_language_to_language(tenant: Tenant) -> None:
    javascript = "const sku = await Promise.resolve({{context_sku}})\noutput({sku: sku + '\U0001f600', big: 2n ** 70n})"
    go = """
import "strings"

up := steps.Get("js", "output")
output(map[string]any{"sku": strings.Repeat(up.Get("sku").Text(), {{context_count}}), "big": up.Get("big")})
"""
    status = ran(
        tenant,
        a_step("js", javascript, runtime="javascript"),
        a_step("go", go, runtime="go", needs=["js"]),
        inputs=INPUTS,
        context={"sku": "$(x) é", "count": 2},
    )

    assert (status["phase"], status.get("error")) == ("Succeeded", None)
    assert status["output"] == {"sku": "$(x) é\U0001f600" * 2, "big": 2**70}


def test_packages_of_each_language(tenant: Tenant) -> None:
    npm = {"script": {"dependencies": ["is-odd@3.0.1"]}}
    modules = {"script": {"dependencies": ["github.com/google/uuid@v1.6.0"]}}
    status = ran(
        tenant,
        a_step("js", "import isOdd from 'is-odd'\noutput(isOdd(3))", runtime="javascript", **npm),
        a_step("go", 'import "github.com/google/uuid"\noutput(uuid.Nil.String())', runtime="go", **modules),
        a_step("all", "output([steps.js.output, steps.go.output])", needs=["js", "go"]),
    )

    assert (status["phase"], status.get("error")) == ("Succeeded", None)
    assert status["output"] == [True, "00000000-0000-0000-0000-000000000000"]


@pytest.mark.parametrize(
    ("runtime", "source", "reason"),
    [
        ("javascript", "const x = 1\nthrow new RangeError('none left')", "RangeError: none left (step.mjs, line 2)"),
        ("go", 'x := 1\npanic("none left " + string(rune(64+x)))', "panic: none left A (step.go, line 2)"),
        ("go", "x := 1\n", "step.go:1:1: declared and not used: x"),
    ],
    ids=["javascript", "go", "go that cannot be built"],
)
def test_an_error_is_told_with_its_line(tenant: Tenant, runtime: str, source: str, reason: str) -> None:
    error = ran(tenant, a_step("fails", source, runtime=runtime))["error"]

    assert (error["code"], error["step"], error["reason"]) == ("SCRIPT_FAILED", "fails", reason)
