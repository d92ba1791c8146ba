"""Functions with @tool become Workflows; what cannot be one is refused with what to write."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from penstock.api.v1alpha1.sources import validate_text
from penstock.cli.importing.python_workflows import workflows_of
from penstock.errors import InvalidInput

CONVERT = '''
from pyplan_core.classes.ai.Agent import mcp_tool
from typing import Annotated, Literal

@mcp_tool
def _fn(
    amount: Annotated[float, "Amount to convert"],
    currency: Annotated[Literal["USD", "EUR"], "Code of the currency"] = "EUR",
    tags: Annotated[list[str] | None, "Words to find it by"] = None,
) -> dict[str, float]:
    """
    Convert an amount.
    """
    return {"converted": amount * 0.92}

result = _fn

if __name__ == "__main__":
    print(_fn(1.0))
'''


def made(source: str) -> list[dict[str, Any]]:
    text = workflows_of(source, "money").text
    assert validate_text(text, images={"python": ""})[1] == []
    return list(yaml.safe_load_all(text))


def test_the_parameters_the_docstring_and_the_type_of_the_result_become_the_interface():
    (workflow,) = made(CONVERT)
    assert workflow["metadata"] == {"name": "money-fn", "labels": {"app.kubernetes.io/part-of": "money"}}
    spec = workflow["spec"]
    assert spec["description"] == "Convert an amount."
    assert spec["inputs"] == {
        "type": "object",
        "required": ["amount"],
        "properties": {
            "amount": {"type": "number", "description": "Amount to convert"},
            "currency": {"enum": ["USD", "EUR"], "description": "Code of the currency", "default": "EUR"},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "Words to find it by"},
        },
    }
    assert spec["outputs"] == {"schema": {"type": "object", "additionalProperties": {"type": "number"}}}


def test_the_program_is_the_file_without_its_marks():
    (workflow,) = made(CONVERT)
    (step,) = workflow["spec"]["steps"]
    source = step["script"]["source"]
    for mark in ("mcp_tool", "pyplan", "result =", "__main__"):
        assert mark not in source
    assert source.endswith("output(_fn(**context))\n")
    compile(source, "tool", "exec")


def test_each_function_is_a_workflow_and_shares_what_stands_beside():
    source = '''
from agents import tool, other

RATE = 0.9

@tool()
async def first(a: "Annotated[int, 'A']") -> int:
    """First."""
    return a

def helper():
    return RATE

@tool
def secondOne(*, b: Annotated[dict[str, str], "B"]):
    """Second."""
    return helper()
'''.replace("\"Annotated[int, 'A']\"", 'Annotated[int, "A"]')
    first, second = made(source)
    assert (first["metadata"]["name"], second["metadata"]["name"]) == ("money-first", "money-second-one")
    for workflow in (first, second):
        text = workflow["spec"]["steps"][0]["script"]["source"]
        assert "from agents import other" in text
        assert "RATE = 0.9" in text
        compile(text, "tool", "exec")
    assert "asyncio" in first["spec"]["steps"][0]["script"]["source"]
    assert "outputs" not in second["spec"]


def test_packages_that_python_does_not_bring_are_told():
    source = 'import httpx, json\n@tool\ndef f():\n    """F."""\n'
    assert workflows_of(source, "x").left_out == (
        "httpx is imported: put what brings it into `dependencies` of the scripts.",
    )
    assert workflows_of(f'# /// script\n# dependencies = ["httpx"]\n# ///\n{source}', "x").left_out == ()


def a_function(head: str = "def f(a: Annotated[int, 'A']) -> int:", *body: str) -> str:
    return "\n".join(["@tool", head, *(f"    {line}" for line in ('"""F."""', *(body or ["return a"])))])


@pytest.mark.parametrize(
    ("source", "says", "fix"),
    [
        pytest.param("def f(): ...\n", "no function", "Write `@tool`", id="1-no-decorated-function"),
        pytest.param(f"{a_function()}\ndef g(): ...\nresult = g\n", "`result` is `g`", "`@tool` above", id="1-result"),
        pytest.param(f"{a_function()}\nclass C:\n    @tool\n    def m(self): ...\n", "`m`", "left edge", id="1-nested"),
        pytest.param(a_function("def f(a) -> int:"), "`a` of `f` has no type", "Annotated[str", id="2-no-type"),
        pytest.param(a_function("def f(*a) -> int:"), "by its name", "without `*`", id="2-no-names"),
        pytest.param(a_function("def f(a, /) -> int:"), "by its name", "before no `/`", id="2-only-by-place"),
        pytest.param(
            a_function("def f(a: Annotated[set[int], 'A']):"), "no caller can give", "list", id="2-a-type-json-has-not"
        ),
        pytest.param(a_function("def f(a: int) -> int:"), "nothing says what `a`", "Annotated[int,", id="3-no-words"),
        pytest.param("@tool\ndef f():\n    return 1\n", "no docstring", '"""', id="4-no-docstring"),
        pytest.param(a_function("def f() -> bytes:"), "gives back a `bytes`", "Return a dict", id="5-bytes"),
        pytest.param(a_function("def f():", "yield 1"), "one by one", "return list", id="5-a-generator"),
        pytest.param(a_function("def f():", "return input('?')"), "asks somebody", "a parameter", id="6-asks"),
        pytest.param(a_function("def f(a: Annotated[Agent, 'A']):"), "no caller", "str, int", id="6-an-agent"),
        pytest.param(
            a_function("def f(a: Annotated[int, 'A'] = now()):"),
            "not a plain value",
            "inside",
            id="a-default-that-runs",
        ),
        pytest.param(f"{a_function()}\ncontext = 1\n", "every script has", "my_context", id="a-name-of-every-script"),
        pytest.param("def f(:\n", "no Python", "Correct it", id="no-python"),
    ],
)
def test_what_the_rules_exclude_is_refused_with_the_fix(source: str, says: str, fix: str):
    with pytest.raises(InvalidInput) as refused:
        workflows_of(source, "x")
    told = "\n".join([str(refused.value), refused.value.hint, *map(str, refused.value.problems)])
    assert says in told
    assert fix in told


def test_everything_that_is_wrong_is_told_at_once_with_its_line():
    with pytest.raises(InvalidInput) as refused:
        workflows_of("@tool\ndef f(a, b: int):\n    return input()\n", "x")
    assert len(refused.value.problems) == 4
    assert {problem.path for problem in refused.value.problems} == {"line 2", "line 3"}
