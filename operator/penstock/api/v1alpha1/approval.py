"""The ApprovalRequest: one gate, waiting for decisions. Source of crds/approvalrequests.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.meta import ApiModel, ApiObject, Timestamp
from penstock.api.v1alpha1.run import Digest, Name63, RequestedBy, Text
from penstock.api.v1alpha1.workflow import Approvers

MAX_SUBJECT = 524_288


class RunReference(ApiModel):
    """The run that waits; the UID keeps a later run of the same name apart."""

    name: Name63
    uid: Annotated[str, Field(max_length=64)]


class Request(ApiModel):
    """What is asked, of whom. Immutable."""

    run: RunReference
    step: Name63
    attempt: int
    digest: Digest
    """SHA-256 over `penstock-approval/v1`, a newline and the bytes of `subject`."""
    subject: Annotated[str, Field(max_length=MAX_SUBJECT)]
    """What exactly will run, as canonical JSON: the approver's view, complete."""
    requested_by: RequestedBy
    approvers: Approvers
    quorum: Annotated[int, Field(ge=1, le=16)]
    message: Text = ""
    expires_at: Timestamp
    nonce: Annotated[str, Field(max_length=64)]


class Decision(ApiModel):
    """One person's vote."""

    by: Annotated[str, Field(min_length=1, max_length=253)]
    client: Annotated[str, Field(max_length=253)] = ""
    verdict: Literal["approve", "reject", "bypass"]
    comment: Text = ""
    digest: Digest


class ApprovalRequestSpec(ApiModel):
    """The question and the votes on it."""

    request: Request
    decisions: Annotated[
        tuple[Decision, ...],
        Field(
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["by"]},
        ),
    ] = ()


class ApprovalRequestStatus(ApiModel):
    """How it ended; written by the operator alone, never an input to a decision."""

    phase: Annotated[str, Field(max_length=32)] = "Pending"
    reason: Text | None = None


class ApprovalRequest(ApiObject):
    """An ApprovalRequest with its metadata."""

    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["ApprovalRequest"] = "ApprovalRequest"
    spec: ApprovalRequestSpec
    status: ApprovalRequestStatus = ApprovalRequestStatus()
