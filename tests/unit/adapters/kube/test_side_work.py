"""Side work that fails is said and begun again; what it is beside goes on."""

from __future__ import annotations

import asyncio

import pytest

from penstock.adapters.kube.side_work import kept_up


async def test_what_fails_is_said_and_begun_again(caplog: pytest.LogCaptureFixture):
    tries = iter([ValueError("a bug"), OSError("no"), None])

    async def work() -> None:
        error = next(tries)
        if error:
            raise error

    await kept_up("counting of sheep", work, pause=0.0)
    assert [record.getMessage() for record in caplog.records] == [
        "counting of sheep failed, which holds up no run; again in 0 s"
    ] * 2
    assert "a bug" in caplog.text


async def test_it_ends_when_it_is_cancelled():
    async def work() -> None:
        await asyncio.sleep(3600)

    task = asyncio.create_task(kept_up("waiting", work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
