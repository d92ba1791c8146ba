"""The API server's refusals as Penstock's errors, in one place. Its own words survive: policies speak through them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from penstock.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PenstockError,
    Problem,
    QuotaExceeded,
    TransientError,
    Unavailable,
)

_DENIED = re.compile(r"(?:ValidatingAdmissionPolicy|admission webhook) (?P<policy>.*?) denied (?:the )?request: ?")


class Expired(TransientError):
    """The server has forgotten that resourceVersion; list again."""

    code = "EXPIRED"


class Unauthenticated(Forbidden):
    """The API server does not know who we are."""

    code = "UNAUTHENTICATED"


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    causes: list[_Cause] = []
    retry_after_seconds: float | None = None


class Status(msgspec.Struct):
    """The API server's answer when it has no object to give."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


_decode_status = msgspec.json.Decoder(Status).decode


def read_status(payload: bytes | msgspec.Raw, code: int = 0) -> Status:
    """The Status in a response body; bodies of proxies in between, which are none, give their first 500 characters."""
    try:
        return _decode_status(payload)
    except msgspec.DecodeError:
        text = bytes(payload).decode("utf-8", "replace").strip()
        return Status(message=text[:500], code=code)


def failure(code: int, payload: bytes, headers: Mapping[str, str]) -> PenstockError:
    """The error that an HTTP answer with this status code (400 and above) stands for."""
    status = read_status(payload, code)
    return from_status(code, status, retry_after=_retry_after(status, headers))


def from_status(code: int, status: Status, *, retry_after: float | None = None) -> PenstockError:
    """The error that a Status stands for."""
    message = status.message or f"the API server answered {code}"
    denied = _DENIED.search(message)
    # A ValidatingAdmissionPolicy refuses with 422 Invalid unless its validation names another reason; for the
    # person it is a refusal all the same, in the policy's own words.
    if code in (400, 403, 422) and denied:
        policy = denied["policy"].split(" with binding ")[0].strip("'\" ")
        return Forbidden(message[denied.end() :].strip(), hint=f"The policy {policy} says so.")
    if code == 409:
        return AlreadyExists(message) if status.reason == "AlreadyExists" else Conflict(message)
    if code in (400, 413, 422):
        return _invalid(message, status)
    if code == 403 and "exceeded quota" in message:
        return QuotaExceeded(message)
    simple: dict[int, type[PenstockError]] = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 410: Expired}
    if code in simple:
        return simple[code](message)
    return Unavailable(f"the API server answered {code}: {message}", retry_after=retry_after)


def unreachable(server: str, error: BaseException) -> Unavailable:
    """The error for an API server that did not answer at all."""
    what = str(error) or type(error).__name__
    return Unavailable(f"the API server {server} does not answer: {what}", retry_after=None)


def _invalid(message: str, status: Status) -> InvalidInput:
    causes = status.details.causes if status.details else []
    problems = tuple(Problem(cause.field, cause.message) for cause in causes if cause.message)
    # With causes listed one by one, the message would only say them a second time.
    head = message.split(": ", 1)[0] if problems else message
    return InvalidInput(head, problems=problems)


def _retry_after(status: Status, headers: Mapping[str, str]) -> float | None:
    if status.details and status.details.retry_after_seconds:
        return float(status.details.retry_after_seconds)
    text = headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
