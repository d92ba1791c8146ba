"""Reading an ApprovalRequest that may be about to appear."""

from __future__ import annotations

import asyncio

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.errors import NotFound
from penstock.ports.access import Access, Key

APPEARS_WITHIN = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between looks: a run says that it waits a moment before its ApprovalRequest is there (write-ahead)."""


async def find_request(access: Access, key: Key) -> ApprovalRequest:
    """The ApprovalRequest, waited for a moment. Raises NotFound when it does not appear, Forbidden."""
    for wait in APPEARS_WITHIN:
        try:
            return await access.approvals.get(key)
        except NotFound:
            await asyncio.sleep(wait)
    return await access.approvals.get(key)
