"""Checks of a Connection that its types alone do not make."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.api.v1alpha1.connection import AllowRule, ConnectionAuth, ConnectionSpec
from penstock.api.v1alpha1.subject import STAND_IN
from penstock.errors import Problem

_HTTP = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_PASSWORD = re.compile(r"[^/]*//[^/@]*:[^/@]*@")


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
    if spec.discovery is not None and spec.type in ("sql", "llm"):
        message = f"There is nothing to read at a path of `{spec.type}`."
        yield Problem("spec.discovery", message, "Remove `discovery`.")


def _auth(spec: ConnectionSpec, auth: ConnectionAuth) -> Iterator[Problem]:
    if (auth.scheme == "header") != (auth.header is not None):
        message = "`scheme: header` and the name of a header in `header` go together."
        yield Problem("spec.auth", message, "Write `scheme: header` and `header: X-Api-Key`, or neither.")
    if spec.type == "sql" and auth.model_fields_set & {"scheme", "header"}:
        message = "A database gets the Secret's value as the password of the user that `url` names."
        yield Problem("spec.auth", message, "Remove `scheme` and `header`.")


def _rule(path: str, spec: ConnectionSpec, rule: AllowRule) -> Iterator[Problem]:
    others = {"methods", "paths"} if spec.type == "sql" else {"tables", "operations"}
    for name in sorted(rule.model_fields_set & others):
        fix = "Write `tables` and `operations`." if spec.type == "sql" else "Write `methods` and `paths`."
        yield Problem(f"{path}.{name}", f"`{name}` says nothing about `{spec.type}`.", fix)
