from __future__ import annotations

import pytest

from penstock.ports.access import Key
from penstock_mcp.index import WorkflowIndex
from tests.support.memory_access import a_workflow


@pytest.fixture
def index() -> WorkflowIndex:
    return WorkflowIndex(spanning=False)


async def test_it_holds_what_is_offered(index: WorkflowIndex):
    index.replace([a_workflow("b"), a_workflow("a"), a_workflow("off", tool={"enabled": False})])
    assert [card.name for card in index.share().cards] == ["execute_a", "execute_b"]
    assert index.share().keys == {Key("shop", "a"), Key("shop", "b")}
    assert index.get("execute_off") is None


async def test_the_first_look_is_told_even_when_there_is_nothing(index: WorkflowIndex):
    assert not index.synced.is_set()
    index.replace([])
    assert index.synced.is_set()


async def test_only_a_difference_is_news(index: WorkflowIndex):
    index.replace([a_workflow("a")])
    assert index.changed.is_set()
    index.changed.clear()
    index.replace([a_workflow("a")])
    assert not index.changed.is_set()
    index.replace([a_workflow("a", description="New.")])
    assert index.changed.is_set()


async def test_what_did_not_change_is_not_made_anew(index: WorkflowIndex):
    index.replace([a_workflow("a"), a_workflow("b")])
    before = index.get("execute_a")
    index.replace([a_workflow("a"), a_workflow("b", description="New.")])
    assert index.get("execute_a") is before


async def test_one_bad_workflow_does_not_hide_the_others(index: WorkflowIndex, caplog: pytest.LogCaptureFixture):
    # What no schema lets through can still come from an older version of the kind.
    broken = a_workflow("broken")
    broken = broken.model_copy(update={"spec": broken.spec.model_copy(update={"description": None})})
    index.replace([broken, a_workflow("a")])
    assert [card.name for card in index.share().cards] == ["execute_a"]
    assert "shop/broken" in caplog.text
