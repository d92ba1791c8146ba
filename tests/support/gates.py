"""ApprovalRequests for tests in front of the small API server."""

from __future__ import annotations

import hashlib
from typing import Any

from penstock.engine.digests import APPROVAL_SCHEME, canonical

GATE = "shop/order-1-release"


def a_gate(user: str, client: str = "", subject: Any = None, **request: Any) -> dict[str, Any]:
    """One that `user` asks for, through `client`."""
    text = canonical(subject if subject is not None else {"source": "echo release"}).decode()
    question = {
        "run": {"name": "order-1", "uid": "u-1"},
        "step": "release",
        "attempt": 1,
        "digest": "sha256:" + hashlib.sha256(f"{APPROVAL_SCHEME}\n{text}".encode()).hexdigest(),
        "subject": text,
        "requestedBy": {"user": user, "client": client},
        "approvers": {"users": ["lead@example.com"], "groups": []},
        "quorum": 1,
        "message": "Release it?",
        "expiresAt": "2099-01-01T00:00:00Z",
        "nonce": "nonce-1",
        **request,
    }
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": {"name": "order-1-release", "namespace": "shop"},
        "spec": {"request": question, "decisions": []},
        "status": {"phase": "Pending"},
    }
