from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.ports.access import Actor, Key
from penstock_mcp.reviews import SELF_ACCESS_REVIEWS, TOKEN_REVIEWS, Post, RunReviews, token_reviews

ANN = Actor("ann")


class ApiServer:
    """Allows what it was told to; an empty name stands for all."""

    def __init__(self, *allowed: Key) -> None:
        self.allowed = set(allowed)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.callers: list[Actor] = []

    def post_as(self, actor: Actor) -> Post:
        self.callers.append(actor)
        return self.post

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((path, body))
        attributes = body["spec"].get("resourceAttributes", {})
        return {"status": {"allowed": Key(attributes.get("namespace", ""), attributes.get("name", "")) in self.allowed}}


async def test_the_question_is_the_verb_create_on_workflows_run_by_name():
    api = ApiServer(Key("shop", "b"))
    found = await RunReviews(api.post_as)(ANN, [Key("shop", "a"), Key("shop", "b")])
    assert list(found) == [Key("shop", "b")]
    assert api.callers == [ANN]
    assert {path for path, _ in api.asked} == {SELF_ACCESS_REVIEWS}
    attributes = api.asked[-1][1]["spec"]["resourceAttributes"]
    assert attributes == {
        "group": "penstock.dev",
        "resource": "workflows",
        "subresource": "run",
        "verb": "create",
        "namespace": "shop",
        "name": "b",
    }


async def test_a_whole_namespace_costs_one_question():
    api = ApiServer(Key("shop", ""))
    keys = [Key("shop", f"w{number}") for number in range(50)]
    assert list(await RunReviews(api.post_as)(ANN, keys)) == keys
    assert len(api.asked) == 1


async def test_an_answer_without_a_yes_is_a_no():
    class Silent(ApiServer):
        async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
            return {}

    assert list(await RunReviews(Silent().post_as)(ANN, [Key("shop", "a")])) == []


async def test_token_reviews_go_to_their_own_path():
    api = ApiServer()
    await token_reviews(api.post)({"spec": {"token": "t"}})
    assert api.asked == [(TOKEN_REVIEWS, {"spec": {"token": "t"}})]
