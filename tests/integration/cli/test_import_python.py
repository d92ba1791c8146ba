"""Functions that run: what `penstock import python` writes, called by its name over MCP and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.person import Person
from tests.integration.mcp.test_stdio import over_stdio
from tests.support.mcp_client import call

pytestmark = pytest.mark.timeout(180)

CONVERT = '''
from pyplan_core.classes.ai.Agent import mcp_tool
from typing import Annotated

@mcp_tool
def convert(
    amount: Annotated[float, 'Amount to convert'],
    source_currency: Annotated[str, 'Source currency code, for example USD'],
    target_currency: Annotated[str, 'Target currency code, for example EUR'] = "EUR",
) -> dict:
    """
    Convert an amount from one currency to another using the configured rate source.
    """
    return {"original_amount": amount, "target_currency": target_currency, "converted_amount": amount * 2}

result = convert
'''
WANTED = {"original_amount": 10, "target_currency": "EUR", "converted_amount": 20}


def test_a_function_runs_as_a_workflow(person: Person):
    person.file("tools.py", CONVERT)
    done = person.penstock("import", "python", "tools.py", "--name", "money")
    assert done.returncode == 0, done.stderr
    given = ("--set", "amount=10", "--set", "source_currency=USD")
    ran = person.penstock("--local", "run", "money.yaml", *given, "-o", "json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["output"] == WANTED

    again = person.penstock("import", "python", "tools.py", "--name", "money")
    assert "as it should be" in again.stderr


async def test_an_agent_finds_it_in_its_application(person: Person):
    person.file("tools.py", CONVERT)
    assert person.penstock("import", "python", "tools.py", "--name", "money").returncode == 0
    assert person.penstock("--local", "apply", "money.yaml").returncode == 0
    home = Path(person.environment["PENSTOCK_HOME"])
    async with over_stdio(home, "auto") as client:
        opened = (await call(client, "open_application", uri="application://default/money"))["output"]
        (tool,) = opened["tools"]
        assert "Convert an amount" in tool["description"]
        assert tool["parameters"]["properties"]["context"]["required"] == ["amount", "source_currency"]
        answer = await call(
            client,
            "execute_tool",
            session_id=opened["session_id"],
            tool_id=tool["tool_id"],
            arguments={"context": {"amount": 10, "source_currency": "USD"}},
        )
    assert answer["output"] == WANTED


def test_what_cannot_be_a_tool_is_refused_and_nothing_is_written(person: Person):
    person.file("tools.py", "from agents import tool\n@tool\ndef f(a):\n    return input()\n")
    refused = person.penstock("import", "python", "tools.py", "--name", "money")
    assert refused.returncode != 0
    for part in ("line 3", "has no type", "Annotated[str", "has no docstring", "asks somebody"):
        assert part in refused.stderr
    assert not (person.home / "money.yaml").exists()
