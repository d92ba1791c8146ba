"""The two questions to the API server about callers: whose token is this, and which Workflows may they run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from penstock.api.v1alpha1 import GROUP
from penstock.ports.access import Actor, Key
from penstock_mcp.auth import PostReview

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path, not a password
SELF_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_AT_ONCE = 8

Post = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""POSTs an object to a path of the API server and gives the answered one. Raises Unavailable, Forbidden."""


def token_reviews(post: Post) -> PostReview:
    """TokenReviews, asked with the server's own rights."""

    async def review(body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await post(TOKEN_REVIEWS, body)

    return review


class RunReviews:
    """Which Workflows a caller may run: the verb `create` on `workflows/run`, asked as that caller."""

    def __init__(self, post_as: Callable[[Actor], Post]) -> None:
        self._post_as = post_as

    async def __call__(self, identity: Actor, workflows: Collection[Key]) -> Collection[Key]:
        """Those that the caller may run. One question for each namespace where all are allowed, else one for each."""
        post = self._post_as(identity)
        places = sorted({key.namespace for key in workflows})
        whole = dict(zip(places, await _all(_allowed(post, place, "") for place in places), strict=True))
        rest = [key for key in workflows if not whole[key.namespace]]
        single = await _all(_allowed(post, key.namespace, key.name) for key in rest)
        by_name = {key for key, allowed in zip(rest, single, strict=True) if allowed}
        return [key for key in workflows if whole[key.namespace] or key in by_name]


async def _allowed(post: Post, namespace: str, name: str) -> bool:
    attributes = {
        "group": GROUP,
        "resource": "workflows",
        "subresource": "run",
        "verb": "create",
        "namespace": namespace,
        "name": name,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await post(SELF_ACCESS_REVIEWS, body)
    return (answer.get("status") or {}).get("allowed") is True


async def _all(questions: Any) -> list[bool]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(question: Awaitable[bool]) -> bool:
        async with gate:
            return await question

    return await asyncio.gather(*(ask(question) for question in questions))
