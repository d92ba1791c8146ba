"""`http`, `sql`, `llm` and `discover` of a step: calls to what a Connection names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1.connection import Method
from penstock.api.v1alpha1.meta import AnyJson, ApiModel, Duration, Expression, FreeForm, ObjectName, UserName
from penstock.api.v1alpha1.secrets import StepSurroundings

CALLS = ("http", "sql", "llm", "discover")
"""Kinds of steps that are a call."""
CALL_RUNTIMES = ("steps", "llm")
"""What runs them: no script is written for these."""

FilterOperator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "notin", "like", "ilike", "isnull", "isnotnull"]


class Filter(ApiModel):
    """Which rows are asked for, in the manner of JSON:API."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][-A-Za-z0-9_.]*$", max_length=128)]
    """A field of the rows."""
    op: FilterOperator = "eq"
    """How it compares. `eq` with null asks for rows without a value, as `isnull` does."""
    val: AnyJson = None
    """With what. `{{ … }}` holds CEL."""


class Paginate(ApiModel):
    """Follow the answer's `links.next`; the output has `rows` of all pages in place of `body`."""

    max_pages: Annotated[int, Field(ge=1, le=1000)] = 100
    """No more pages are asked for."""
    max_rows: Annotated[int, Field(ge=1, le=50_000)] = 10_000
    """No more rows are kept. Where there would be more, `complete` of the output is false."""


class Expect(ApiModel):
    """What an answer must be like, else the step fails."""

    status: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=32)] = ()
    """Status codes. Default: 200 to 299."""
    schema_: Annotated[FreeForm | None, Field(alias="schema")] = None
    """A JSON Schema that the answer's body has to fit."""


class HttpStep(ApiModel):
    """A request to an API, and what came of it."""

    connection: ObjectName
    """Name of a Connection of the namespace; its `url` is where the request goes."""
    method: Method = "GET"
    """The Connection must allow it."""
    path: Annotated[str, Field(pattern=r"^/", max_length=2048)] = "/"
    """Below the path of the Connection's `url`. `{{ … }}` in it holds CEL, and what comes of it is one part between two
    slashes, whatever is in it."""
    query: FreeForm = Field(default_factory=dict)
    """Parameters; a list gives a parameter several times, null leaves it out. `{{ … }}` in values holds CEL."""
    filters: Annotated[tuple[Filter, ...], Field(max_length=32)] = ()
    """Which rows are asked for, in the manner of JSON:API."""
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32, json_schema_extra={"maxProperties": 32})
    ] = Field(default_factory=dict)
    """Further headers. `{{ … }}` in values holds CEL."""
    body: AnyJson = None
    """What is sent, as JSON. A text that is one `{{ CEL }}` is the value itself, with its type."""
    paginate: Paginate | None = None
    """Ask for all pages. Default: the one answer is the output."""
    expect: Expect | None = None
    """What the answer must be like. Default: a status of 200 to 299."""
    max_bytes: Annotated[int, Field(ge=1, le=8_388_608)] = 1_048_576
    """A larger answer is not read to its end, and fails the step."""


Statement = Annotated[str, Field(min_length=1, max_length=32_768)]
"""One statement of SQL, in which `:name` stands for a parameter."""


class SqlCheck(ApiModel):
    """Has to hold for each row."""

    check: Expression
    """CEL over `row`, `before`, `parents`, `parameters`."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """Said where it does not hold."""


class SqlRules(ApiModel):
    """What has to hold for what is written, within the same transaction: else nothing is."""

    before: Statement | None = None
    """SELECT of the row as it was: `before`."""
    parents: Annotated[dict[str, Statement], Field(max_length=32, json_schema_extra={"maxProperties": 32})] = Field(
        default_factory=dict
    )
    """SELECTs of other rows: `parents.NAME` is the first of each, or null. Read anew for `checks`, but of a DELETE."""
    set_: Annotated[
        dict[str, Expression], Field(alias="set", max_length=256, json_schema_extra={"maxProperties": 256})
    ] = Field(default_factory=dict)
    """CEL by parameter, over `before`, `parents` and `parameters`: worked out before the statement."""
    checks: Annotated[tuple[SqlCheck, ...], Field(max_length=64)] = ()
    """Looked at after the statement, for each row that it returns."""
    rows: Annotated[int, Field(ge=0, le=50_000)] | None = None
    """So many rows it has to write. Default: any number."""


class SqlStep(ApiModel):
    """A statement in a database, in a transaction of its own, and what came of it."""

    connection: ObjectName
    """Name of a Connection of the namespace of type sql."""
    statement: Statement
    """One statement of SQL, in which `:name` stands for a parameter. No value of a run is ever put into the text."""
    parameters: FreeForm = Field(default_factory=dict)
    """Values of its parameters. `{{ … }}` holds CEL; a text that is one `{{ CEL }}` is the value itself."""
    write: bool = False
    """It changes something; the Connection must allow that. Else the transaction is read-only."""
    rules: SqlRules | None = None
    """What has to hold for what is written, in the same transaction."""
    max_rows: Annotated[int, Field(ge=1, le=50_000)] = 1000
    """No more rows are read. Where there would be more, `complete` of the output is false."""
    statement_timeout: Duration = "30s"
    """How long the database may take."""


class DiscoverStep(ApiModel):
    """Find out what a Connection offers: how it is used, and which resources or tables there are."""

    connection: ObjectName
    """Name of a Connection of the namespace. Its `learning` and `expose` decide what is passed on."""


class PlanApprovers(ApiModel):
    """Who decides about what a plan adds."""

    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """User names, exactly as the API server knows them."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups, of which every member may decide."""


class Plans(ApiModel):
    """What the plan may hold that a model writes."""

    connections: Annotated[tuple[ObjectName, ...], Field(min_length=1, max_length=16)]
    """The Connections that its steps may use."""
    workflows: Annotated[tuple[ObjectName, ...], Field(max_length=64)] = ()
    """The Workflows of the namespace that its steps may run, each as a run of its own. Default: none."""
    approvers: PlanApprovers | None = None
    """Who decides about steps that the plan adds while it runs. Default: it cannot add any."""


class LlmStep(ApiModel):
    """A question to a model, and its answer, checked."""

    connection: ObjectName
    """Name of a Connection of the namespace of type llm."""
    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Default: the one that the Connection names."""
    prompt: Annotated[str, Field(min_length=1, max_length=32_768)]
    """What is asked. No value of a run is ever put into the text; what the model is to look at goes into `data`."""
    data: FreeForm = Field(default_factory=dict)
    """What the model is shown beside the prompt, marked as data. `{{ … }}` holds CEL; a text that is one `{{ CEL }}` is
    the value itself."""
    output_schema: FreeForm | None = None
    """A JSON Schema of the answer. What does not fit goes back to the model, twice at most. Default: text."""
    plans: Plans | None = None
    """The answer is a plan: a Workflow's spec that compiles and uses these Connections alone, for
    `workflow: {specFrom: steps.NAME.output.spec}`; `text` of the output is the plan for people."""
    max_tokens: Annotated[int, Field(ge=1, le=200_000)] = 8192
    """No answer is longer."""
    budget: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Tokens of all questions and answers of an attempt together; the step fails where it would take more."""


def call_runtime(kind: str) -> str:
    """The runtime of one of CALLS: `llm` has its own, whose image carries the clients of providers."""
    return "llm" if kind == "llm" else "steps"


class StepCalls(StepSurroundings):
    """What a step calls, where it calls something."""

    http: HttpStep | None = None
    """A request to an API."""
    sql: SqlStep | None = None
    """A statement in a database."""
    llm: LlmStep | None = None
    """A question to a model."""

    discover: DiscoverStep | None = None
    """What a Connection offers, as far as it is exposed."""

    @property
    def connection(self) -> str | None:
        """Name of the Connection that the step uses."""
        call = self.http or self.sql or self.llm or self.discover
        return call.connection if call is not None else None
