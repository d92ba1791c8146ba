"""The Connection: an outside system that steps may call. Source of crds/connections.yaml."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.meta import (
    AnyJson,
    ApiModel,
    ApiObject,
    Conditions,
    Duration,
    FreeForm,
    Timestamp,
    named_like_a_label,
    parse_duration,
    rules,
)
from penstock.api.v1alpha1.secrets import SecretKey, SecretName

MAX_LEARNING = 65_536
"""Characters of a text about a system."""

MAX_NAMES = 64
"""Names of resources in a status."""

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Operation = Literal["select", "insert", "update", "delete"]


class ConnectionSecret(ApiModel):
    """One value of a Secret of the same namespace."""

    name: SecretName
    """Of the Secret. Whoever writes the Connection must be allowed to get it; whoever uses the Connection need not."""
    key: SecretKey
    """Which of its values."""


class OnBehalfOf(ApiModel):
    """An assertion of who asked for the run, signed by the installation, for the host of `url` alone."""

    lifetime: Duration = "10m"
    """How long it holds from the start of an attempt on, at most 1h. It has to outlast the pod's start and the call."""


class ConnectionAuth(ApiModel):
    """How calls say who they are: by what a Secret holds, or by an assertion of who asked for the run."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secretRef) != has(self.onBehalfOf)",
                "give exactly one of secretRef and onBehalfOf in auth",
            ),
            (
                "!has(self.header) || self.?scheme.orValue('bearer') == 'header'",
                "`header` goes with `scheme: header` alone",
            ),
            (
                "self.?scheme.orValue('bearer') != 'header' || has(self.header)",
                "`scheme: header` needs the name of the header in `header`, such as X-Api-Key",
            ),
        )
    )
    secret_ref: ConnectionSecret | None = None
    """Where the value is: the token; `user:password` for basic; of a database the password of the user in `url`."""
    on_behalf_of: OnBehalfOf | None = None
    """The other side is told who asked for the run, so that it can enforce its own roles. It checks the signature by
    the keys that the installation publishes."""
    scheme: Literal["bearer", "basic", "header"] = "bearer"
    """How it is sent: as a bearer token, as user and password, or as it is in a header of its own."""
    header: Annotated[str, Field(pattern=r"^[A-Za-z][-A-Za-z0-9]{0,63}$", max_length=64)] | None = None
    """Name of that header, such as X-Api-Key."""


class AllowRule(ApiModel):
    """Calls that steps may make: `methods` and `paths` of an API, `tables` and `operations` of a database."""

    methods: Annotated[tuple[Method, ...], Field(max_length=6)] = ("GET", "HEAD")
    """Methods; default: GET and HEAD."""
    paths: Annotated[tuple[Annotated[str, Field(pattern=r"^/", max_length=512)], ...], Field(max_length=64)] = ("/**",)
    """Paths below the path of `url`: `*` is a part between two slashes or a piece of one, `**` any number of parts."""
    tables: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(max_length=256)] = ("*",)
    """Tables, with their schema where they have one (`sales.orders`); `*` stands for any piece of a name."""
    operations: Annotated[tuple[Operation, ...], Field(max_length=4)] = ("select",)
    """What may be done with them."""


class RateLimit(ApiModel):
    """How many requests a pod of a step sends at most."""

    requests: Annotated[int, Field(ge=1, le=100_000)]
    """So many."""
    per: Duration = "1s"
    """In so much time."""


class Exposure(ApiModel):
    """One thing of what was discovered, and what of it a model gets to see."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the resource, as it was discovered."""
    fields: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(max_length=256)] = ()
    """Its fields; all of them when empty."""
    methods: Annotated[tuple[Method, ...], Field(max_length=6)] = ()
    """Its methods; all of them when empty."""


class RecordedAnswer(ApiModel):
    """An answer that was written down, for use without a key."""

    question: Annotated[str, Field(min_length=1, max_length=32_768)]
    """The prompt of a step, or one of its `data`; spaces and capitals make no difference."""
    answer: AnyJson
    """What a model answered, as the step's schema has it."""


class ConnectionSpec(ApiModel):
    """Where a system is, how calls are signed, what they may do."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.url) || self.type == 'llm'", "give url: where the system is"),
            (
                "self.type == 'sql' || !has(self.url) || self.url.matches('^https?://[^/?#@]+([/?#]|$)')",
                "url is http://… or https://… without a user or a password in it; a token goes into auth.secretRef",
            ),
            (
                "self.type != 'sql' || !has(self.url) || !self.url.matches('^[^/]*//[^/@]*:[^/@]*@')",
                "leave the password out of url: put it into a Secret and name that in auth.secretRef",
            ),
            (
                "(self.type == 'llm') == has(self.provider)",
                "give provider exactly where type is llm: openai, anthropic, openai-compatible or recorded",
            ),
        )
    )
    type: Literal["json-api", "openapi", "sql", "llm"]
    """What is there: an API that speaks JSON (best JSON:API), one with an OpenAPI document, a database, a model."""
    url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Where it is: https://shop.example/api, or a URL of SQLAlchemy such as postgresql+psycopg://app@db.example/shop.
    The one host that steps reach by this Connection. Default, of a model: the provider's own."""
    description: Annotated[str, Field(max_length=4096)] = ""
    """What it is good for, for people and models."""
    discovery: Annotated[str, Field(pattern=r"^/", max_length=1024)] | None = None
    """Path of the document that describes it, from the root of its host. Default: /.well-known/mcp.json for json-api,
    /openapi.json for openapi."""
    document: FreeForm | None = None
    """The document itself, where the system does not serve it; at most 256 KiB. Nobody is asked for it then."""
    auth: ConnectionAuth | None = None
    """How calls say who they are. Default: they do not."""
    allow: Annotated[tuple[AllowRule, ...], Field(max_length=64)] = ()
    """What steps may do; one of these must fit. Default: reading everything, changing nothing."""
    rate_limit: RateLimit | None = None
    """How fast the calls of one pod may follow each other. Default: no limit."""
    filter_style: Literal["brackets", "json"] = "brackets"
    """How `filters` are written: filter[name][op]=value, or one filter=[{"name", "op", "val"}]."""
    provider: Literal["openai", "anthropic", "openai-compatible", "recorded"] | None = None
    """Of a model: what its API is like; `recorded` asks none and takes from `answers`, as the log of the step says."""
    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Of a model: the one that steps get that name none."""
    answers: Annotated[tuple[RecordedAnswer, ...], Field(max_length=64)] = ()
    """Of the provider recorded: what it answers."""
    learning: Annotated[str, Field(max_length=MAX_LEARNING)] | None = None
    """What a model is told of how to use it. Default: what was discovered."""
    expose: Annotated[tuple[Exposure, ...], Field(max_length=256)] = ()
    """What of it a model gets to see. Default: everything that was discovered."""


class ConnectionStatus(ApiModel):
    """What was found when somebody looked."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    reachable: bool | None = None
    """Whether it answered; absent while that is not known."""
    resources: int | None = None
    """How many resources, or tables, were discovered, as far as they are exposed."""
    names: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=MAX_NAMES)] = ()
    """Names of the first of them."""
    digest: Annotated[str, Field(max_length=80)] | None = None
    """SHA-256 of what was discovered."""
    checked_at: Timestamp | None = None
    """When."""
    last_run: Annotated[str, Field(max_length=63)] | None = None
    """The run that looked; it is kept for some minutes."""
    conditions: Conditions = ()
    """`Reachable` says whether it answers, `Discovered` whether it says what it offers; with the reason where not."""


class Connection(ApiObject):
    """A Connection with its metadata."""

    model_config = ConfigDict(json_schema_extra=named_like_a_label("Connection"))
    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["Connection"] = "Connection"
    spec: ConnectionSpec
    """Where it is and what may be done with it."""
    status: ConnectionStatus = ConnectionStatus()
    """What was found when somebody looked."""


_OF_A_CALL = (
    *("type", "url", "auth", "filterStyle", "provider", "model", "answers"),
    *("discovery", "document", "learning", "expose"),
)


def resolved(connection: Connection) -> dict[str, Any]:
    """What a call needs of a Connection, as JSON: all of it is hashed, shown at gates and given to the program.

    No value of a Secret is in it.
    """
    wire = connection.spec.to_wire()
    content: dict[str, Any] = {name: wire[name] for name in _OF_A_CALL if name in wire}
    rules_ = connection.spec.allow or (AllowRule(),)
    allow = [rule.model_dump(mode="json", by_alias=True) for rule in rules_]
    content |= {"name": connection.metadata.name, "allow": allow}
    auth = connection.spec.auth
    if auth is not None and auth.on_behalf_of is not None:
        seconds = parse_duration(auth.on_behalf_of.lifetime).total_seconds()
        asked = {"audience": origin_of(connection.spec.url or ""), "seconds": seconds}
        content["auth"] = {**content["auth"], "onBehalfOf": asked}
    if limit := connection.spec.rate_limit:
        content["rateLimit"] = {"requests": limit.requests, "seconds": parse_duration(limit.per).total_seconds()}
    return content


def origin_of(url: str) -> str:
    """`https://host` or `https://host:port`: whom an assertion is for, so that no other host can use it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}".lower()


def no_connection(name: str) -> str:
    """The sentence for a Connection that is not there."""
    return f"there is no Connection `{name}` in the namespace"
