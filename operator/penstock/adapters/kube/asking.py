"""What is asked of an API server before anything else: whether it is there, and what it can do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.api.v1alpha1 import API_VERSION
from penstock.errors import PenstockError

T = TypeVar("T")

KINDS = f"/apis/{API_VERSION}"
"""Where the API server tells of our kinds."""
MANAGED_SINCE = 32
"""Minor version of Kubernetes 1 that leaves Jobs with `spec.managedBy` alone by default."""
_ASK_EVERY = 2.0

_log = logging.getLogger(__name__)


async def may_manage(client: KubeClient) -> bool:
    """The cluster leaves Jobs with `spec.managedBy` to us (Kubernetes 1.32 and later)."""
    version = await client.get("/version", as_dict)
    minor = int("".join(filter(str.isdigit, version["minor"])) or 0)
    return version["major"] != "1" or minor >= MANAGED_SINCE


async def insist(ask: Callable[[], Awaitable[T]], what: str) -> T:
    """The answer to `ask`, however often it takes; `what` it is about is for the log."""
    while True:
        try:
            return await ask()
        except PenstockError as error:
            _log.warning("the API server does not tell of %s yet: %s", what, error)
            await asyncio.sleep(_ASK_EVERY)
