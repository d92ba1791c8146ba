"""The ApprovalRequest: one gate, waiting for decisions. Source of crds/approvalrequests.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.meta import ApiModel, ApiObject, Timestamp, rules, served_default
from penstock.api.v1alpha1.run import Digest, Name63, RequestedBy, Text
from penstock.api.v1alpha1.workflow import Approvers

MAX_SUBJECT = 524_288


class RunReference(ApiModel):
    """The run that waits; the UID keeps a later run of the same name apart."""

    name: Name63
    """Name of the run."""
    uid: Annotated[str, Field(max_length=64)]
    """UID of the run."""


class Request(ApiModel):
    """What is asked, of whom. Immutable."""

    model_config = ConfigDict(json_schema_extra=rules(("self == oldSelf", "spec.request is immutable")))
    run: RunReference
    """The run that waits."""
    step: Name63
    """The step that waits."""
    attempt: int
    """Its attempt."""
    digest: Digest
    """SHA-256 over `penstock-approval/v1`, a newline and the bytes of `subject`."""
    subject: Annotated[str, Field(max_length=MAX_SUBJECT)]
    """What exactly will run, as canonical JSON: the approver's view, complete."""
    requested_by: RequestedBy
    """Who asked for the run, and therefore may not decide."""
    approvers: Approvers
    """Who may decide."""
    quorum: Annotated[int, Field(ge=1, le=16)]
    """How many different people must approve."""
    message: Text = ""
    """The question, for people."""
    expires_at: Timestamp
    """When the question lapses."""
    nonce: Annotated[str, Field(max_length=64)]
    """Random, so that no two requests are alike."""


class Decision(ApiModel):
    """One person's vote."""

    by: Annotated[str, Field(min_length=1, max_length=253)]
    """Your user name."""
    client: Annotated[str, Field(max_length=253)] = ""
    """The client that you come through; empty for kubectl."""
    verdict: Literal["approve", "reject", "bypass"]
    """approve, reject, or bypass by those who may."""
    comment: Text = ""
    """Why; at least ten characters for a bypass."""
    digest: Digest
    """A copy of spec.request.digest: what you say yes or no to."""


class ApprovalRequestSpec(ApiModel):
    """The question and the votes on it."""

    request: Request
    """The question."""
    decisions: Annotated[
        tuple[Decision, ...],
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["by"],
                # Served, so that a vote can be a JSON patch that adds to the end of the list.
                **served_default([]),
            },
        ),
    ] = ()
    """The votes; each person adds one and changes none."""


class ApprovalRequestStatus(ApiModel):
    """How it ended; written by the operator alone, never an input to a decision."""

    phase: Annotated[str, Field(max_length=32, json_schema_extra=served_default("Pending"))] = "Pending"
    """Pending, Approved, Rejected, Expired, Bypassed or Superseded."""
    reason: Text | None = None
    """Why it ended so."""


class ApprovalRequest(ApiObject):
    """An ApprovalRequest with its metadata."""

    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["ApprovalRequest"] = "ApprovalRequest"
    spec: ApprovalRequestSpec
    """The question and the votes."""
    status: Annotated[ApprovalRequestStatus, Field(json_schema_extra=served_default({}))] = ApprovalRequestStatus()
    """How it ended."""
