"""A database as `penstock import sql` writes it, and its Workflows as they run."""

from __future__ import annotations

from typing import Any

import sqlalchemy
import yaml

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.connection import resolved
from penstock.api.v1alpha1.parse import parse_connection
from penstock.application.check_output import check_output
from penstock.application.context_schema import context_problems
from penstock.application.filling import fill
from penstock.cli.importing.sql_workflows import Wanted, workflows_of
from penstock.cli.importing.tables import reflected
from penstock_runtimes.steps import calling


def execute(url: str, *statements: str) -> list[Any]:
    """Rows of the last statement."""
    engine = sqlalchemy.create_engine(url)
    rows: list[Any] = []
    with engine.begin() as database:
        for statement in statements:
            result = database.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


class Imported:
    """What was written for a database, and its Workflows as they run: context, parameters, statement."""

    def __init__(self, url: str, *tables: str) -> None:
        wanted = Wanted("shop", frozenset({"delete"}), ["leads"], [], "shop.yaml")
        self.made = workflows_of(reflected(url, None, tables), wanted)
        documents = list(yaml.safe_load_all(self.made.text))
        self.connection = parse_connection(documents[0]).connection
        self.workflows = {each["metadata"]["name"]: each for each in documents[1:]}

    def inputs(self, name: str) -> dict[str, Any]:
        """The schema of what it takes."""
        inputs: dict[str, Any] = self.workflows[f"shop-{name}"]["spec"]["inputs"]
        return inputs

    def outputs(self, name: str) -> dict[str, Any]:
        """The schema of what comes back."""
        schema: dict[str, Any] = self.workflows[f"shop-{name}"]["spec"]["outputs"]["schema"]
        return schema

    async def program(self, name: str, /, **context: Any) -> dict[str, Any]:
        """What the Workflow's step executes."""
        spec = self.workflows[f"shop-{name}"]["spec"]
        properties = spec["inputs"]["properties"]
        context = {**{key: each["default"] for key, each in properties.items() if "default" in each}, **context}
        assert context_problems(spec["inputs"], context) == ()
        sql = spec["steps"][0]["sql"]
        evaluator = CelEvaluator()
        parameters = await fill(evaluator, sql["parameters"], {"context": context})
        evaluator.close()
        assert parameters.error is None
        call = {"kind": "sql", "write": False, "maxRows": 1000, **sql, "parameters": parameters.value}
        assert self.connection is not None
        return {"call": {**call, "statementTimeout": 20}, "connection": resolved(self.connection)}

    async def run(self, name: str, /, **context: Any) -> list[dict[str, Any]]:
        """The rows, which are as the Workflow says."""
        output = calling.perform(await self.program(name, **context), None, "")
        rows: list[dict[str, Any]] = output["rows"]
        whole = output if name.endswith("-list") else rows[0] if rows else None
        assert check_output(self.outputs(name), whole) == ()
        return rows
