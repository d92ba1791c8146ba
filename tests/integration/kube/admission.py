"""What the chart's policies and the schemas do to the objects that people send, as far as the contract suite needs it.

The policies themselves are tried on a real API server; this only lets the fault server answer like one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
_CLIENT = f"Impersonate-Extra-{quote('penstock.dev/client', safe='')}"


class Denied(Exception):
    """A refusal, with its HTTP code and reason."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


def who(headers: Mapping[str, str]) -> tuple[str, str]:
    """User and client of a request; nobody impersonated is the operator."""
    return headers.get("Impersonate-User", ""), headers.get(_CLIENT, "")


def review(headers: Mapping[str, str]) -> Json:
    """The answer to a SelfSubjectReview."""
    user, client = who(headers)
    return {"status": {"userInfo": {"username": user, "groups": [], "extra": {"penstock.dev/client": [client]}}}}


def admit(plural: str, old: Json | None, new: Json, headers: Mapping[str, str]) -> None:
    """Stamp what is stamped and refuse what is refused; `old` is None for what is created."""
    user, client = who(headers)
    if plural == "workflowruns" and old is None:
        spec = new["spec"]
        if ("workflow" in spec) == ("inline" in spec):
            raise Denied(422, "Invalid", "spec: Invalid value: set exactly one of workflow and inline")
        if user:
            spec["requestedBy"] = {"user": user, "client": client}
    if plural == "workflows" and user:
        edited = old is None or old.get("spec") != new.get("spec")
        new["editedBy"] = {"user": user, "client": client} if edited else (old or {}).get("editedBy")
    if plural == "approvalrequests" and old is not None and user:
        _guard(old["spec"], new["spec"], user, client)


def _guard(old: Json, new: Json, user: str, client: str) -> None:
    before, after = old.get("decisions", []), new.get("decisions", [])
    added = [vote for vote in after if vote not in before]
    request = old["request"]
    problems = {
        "decisions are append-only, one at a time": len(added) != 1 or after[: len(before)] != before,
        "a decision is your own, once, and carries spec.request.digest": not all(
            vote["by"] == user and vote["digest"] == request["digest"] for vote in added
        )
        or any(vote["by"] == user for vote in before),
        "you are not an approver of this request": user not in request["approvers"].get("users", []),
        "client must be the client that you come through": any(vote.get("client", "") != client for vote in added),
    }
    for message, wrong in problems.items():
        if wrong:
            policy = (
                "ValidatingAdmissionPolicy 'approvalrequests.penstock.dev' with binding 'approvalrequests.penstock.dev'"
            )
            raise Denied(403, "Forbidden", f"{policy} denied request: {message}")
