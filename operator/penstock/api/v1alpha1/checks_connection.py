"""Checks of a Connection that its types alone do not make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.api.v1alpha1.connection import AllowRule, ConnectionAuth, ConnectionSpec, OnBehalfOf
from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.subject import STAND_IN
from penstock.engine.digests import size_of
from penstock.errors import Problem

_HTTP = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_PASSWORD = re.compile(r"[^/]*//[^/@]*:[^/@]*@")
MAX_DOCUMENT = 262_144
"""Bytes of a document in a Connection."""
LONGEST_ASSERTION = 3600.0
"""Seconds."""


def check_connection(spec: ConnectionSpec) -> Iterator[Problem]:
    """Every problem of a Connection."""
    yield from _url(spec)
    yield from _of_its_type(spec)
    if spec.auth is not None:
        yield from _auth(spec, spec.auth)
    for index, rule in enumerate(spec.allow):
        yield from _rule(f"spec.allow[{index}]", spec, rule)


def _url(spec: ConnectionSpec) -> Iterator[Problem]:
    if spec.url is None:
        if spec.type != "llm":
            yield Problem("spec", "`url` is missing.", "Add `url: https://shop.example/api`.")
        return
    if STAND_IN in spec.url:
        return
    if _PASSWORD.match(spec.url) or (spec.type != "sql" and "@" in spec.url.partition("//")[2].partition("/")[0]):
        message = "`url` holds a password, or a place for one, which every reader of the Connection would see."
        fix = "Take it out; put it into a Secret, and name that: `auth: {secretRef: {name: shop, key: password}}`."
        yield Problem("spec.url", message, fix)
    elif spec.type == "sql" and "://" not in spec.url:
        message = f"`{spec.url}` is not a URL of SQLAlchemy."
        yield Problem(
            "spec.url", message, "Write `postgresql+psycopg://app@db.example/shop`, or `sqlite:////data/shop.db`."
        )
    elif spec.type != "sql" and not _HTTP.fullmatch(spec.url):
        message = f"`{spec.url[:200]}` is not an address that paths can be put behind."
        yield Problem("spec.url", message, "Write `https://shop.example/api`, without `?` and `#`.")


def _of_its_type(spec: ConnectionSpec) -> Iterator[Problem]:
    if spec.type == "llm" and spec.provider is None:
        message = "A Connection to a model says what its API is like."
        yield Problem("spec", message, "Add `provider: openai`, `anthropic` or `openai-compatible`.")
    if spec.type != "llm":
        for name, value in (("provider", spec.provider), ("model", spec.model)):
            if value is not None:
                yield Problem(
                    f"spec.{name}", f"`{name}` is about models, and this is `{spec.type}`.", f"Remove `{name}`."
                )
    if spec.document is not None:
        yield from _document(spec, spec.document)
    if spec.discovery is not None and spec.type in ("sql", "llm"):
        message = f"There is nothing to read at a path of `{spec.type}`."
        yield Problem("spec.discovery", message, "Remove `discovery`.")


def _document(spec: ConnectionSpec, document: Mapping[str, Any]) -> Iterator[Problem]:
    if spec.type not in ("json-api", "openapi"):
        yield Problem("spec.document", f"`{spec.type}` is described by no document.", "Remove `document`.")
    elif spec.discovery is not None:
        message = "`discovery` says where the document is, and `document` holds it."
        yield Problem("spec.document", message, "Remove one of the two.")
    if size_of(document) > MAX_DOCUMENT:
        message = f"`document` has {size_of(document):,} bytes; {MAX_DOCUMENT:,} is the limit."
        yield Problem("spec.document", message, "Leave out what no step will use.")


def _auth(spec: ConnectionSpec, auth: ConnectionAuth) -> Iterator[Problem]:
    if (auth.secret_ref is None) == (auth.on_behalf_of is None):
        message = "`auth` says who calls by exactly one of `secretRef` and `onBehalfOf`."
        yield Problem("spec.auth", message, "Write `secretRef: {name: shop, key: token}`, or `onBehalfOf: {}`.")
    if auth.on_behalf_of is not None:
        yield from _on_behalf_of(spec, auth, auth.on_behalf_of)
    if (auth.scheme == "header") != (auth.header is not None):
        message = "`scheme: header` and the name of a header in `header` go together."
        yield Problem("spec.auth", message, "Write `scheme: header` and `header: X-Api-Key`, or neither.")
    if spec.type == "sql" and auth.model_fields_set & {"scheme", "header"}:
        message = "A database gets the Secret's value as the password of the user that `url` names."
        yield Problem("spec.auth", message, "Remove `scheme` and `header`.")


def _on_behalf_of(spec: ConnectionSpec, auth: ConnectionAuth, asked: OnBehalfOf) -> Iterator[Problem]:
    if spec.type not in ("json-api", "openapi"):
        message = f"Only an API can check an assertion; this is `{spec.type}`."
        yield Problem("spec.auth.onBehalfOf", message, "Name a Secret: `secretRef: {name: shop, key: password}`.")
    if auth.scheme == "basic":
        yield Problem("spec.auth.scheme", "An assertion is no user and password.", "Remove `scheme`.")
    seconds = parse_duration(asked.lifetime).total_seconds()
    if not 30 <= seconds <= LONGEST_ASSERTION:
        message = f"`{asked.lifetime}` is not between 30s and 1h."
        yield Problem("spec.auth.onBehalfOf.lifetime", message, "Leave it out for 10m.")


def _rule(path: str, spec: ConnectionSpec, rule: AllowRule) -> Iterator[Problem]:
    others = {"methods", "paths"} if spec.type == "sql" else {"tables", "operations"}
    for name in sorted(rule.model_fields_set & others):
        fix = "Write `tables` and `operations`." if spec.type == "sql" else "Write `methods` and `paths`."
        yield Problem(f"{path}.{name}", f"`{name}` says nothing about `{spec.type}`.", fix)
