"""One active replica: the next one takes over when the Lease is given back or runs out, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.leader_lease import LeaderLease, LeaseTiming
from penstock.adapters.kube.server_clock import ServerClock
from penstock.errors import Unavailable
from penstock.ports.access import Key
from tests.integration.kube.api_server import ApiServer, Fault
from tests.support.eventually import eventually

KEY = Key("default", "penstock-operator")
QUICK = LeaseTiming(duration=0.5, renew_every=0.02, give_up_after=0.2, ask_every=0.02)
PATIENT = LeaseTiming(duration=60.0, renew_every=0.02, give_up_after=0.2, ask_every=0.02)


@contextlib.asynccontextmanager
async def a_replica(
    client: KubeClient, name: str, timing: LeaseTiming, *, crash: bool = False
) -> AsyncIterator[LeaderLease]:
    lease = LeaderLease(client, KEY, name, ServerClock(), timing)
    task = asyncio.create_task(lease.lead(asyncio.Event().wait))  # type: ignore[arg-type]  # ends with True, if ever
    try:
        yield lease
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if not crash:
            await lease.release()


async def test_one_of_two_leads(server: ApiServer, client: KubeClient):
    async with a_replica(client, "a", PATIENT) as first:
        await eventually(lambda: first.held)
        async with a_replica(client, "b", PATIENT) as second:
            renewed = server.get("leases", KEY.name)["metadata"]["resourceVersion"]
            await eventually(lambda: server.get("leases", KEY.name)["metadata"]["resourceVersion"] != renewed)
            assert first.held
            assert not second.held


async def test_a_lease_that_is_given_back_is_taken_at_once(server: ApiServer, client: KubeClient):
    async with a_replica(client, "b", PATIENT) as second:
        async with a_replica(client, "a", PATIENT) as first:
            await eventually(lambda: first.held or second.held)
        await eventually(lambda: second.held)
    assert server.get("leases", KEY.name)["spec"]["holderIdentity"] == ""


async def test_the_lease_of_a_dead_replica_runs_out(server: ApiServer, client: KubeClient):
    async with a_replica(client, "a", QUICK, crash=True) as first:
        await eventually(lambda: first.held)
    async with a_replica(client, "b", QUICK) as second:
        await eventually(lambda: second.held)
    assert server.get("leases", KEY.name)["spec"]["leaseTransitions"] == 2


async def test_a_container_that_was_restarted_goes_on_at_once(server: ApiServer, client: KubeClient):
    async with a_replica(client, "a", PATIENT, crash=True) as first:
        await eventually(lambda: first.held)
    async with a_replica(client, "a", PATIENT) as again:
        await eventually(lambda: again.held)


async def test_who_cannot_renew_stops_working(server: ApiServer, client: KubeClient):
    working = asyncio.Event()
    stopped = asyncio.Event()

    async def work() -> None:
        working.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    lease = LeaderLease(client, KEY, "a", ServerClock(), QUICK)
    task = asyncio.create_task(lease.lead(work))
    await asyncio.wait_for(working.wait(), 10)
    server.faults += [Fault("PUT", "/leases/", status=503) for _ in range(500)]
    await asyncio.wait_for(stopped.wait(), 10)
    assert not lease.held
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_work_that_fails_is_not_hidden(client: KubeClient):
    async def work() -> None:
        raise RuntimeError("the work is broken")

    with pytest.raises(RuntimeError, match="the work is broken"):
        await asyncio.wait_for(LeaderLease(client, KEY, "a", ServerClock(), QUICK).lead(work), 10)


async def test_a_replica_that_was_stopped_writes_nothing_when_it_wakes(server: ApiServer, client: KubeClient):
    """It has heard of nobody who took over, and its work has not been cancelled yet."""
    time = 100.0
    lease = LeaderLease(client, KEY, "a", ServerClock(), PATIENT, monotonic=lambda: time)
    leads = asyncio.create_task(lease.lead(asyncio.Event().wait))  # type: ignore[arg-type]  # ends with True, if ever
    await eventually(lease.holds)
    own = client.writing_while(lease.holds)
    a_map = {"metadata": {"name": "first"}}
    await own.create("/api/v1/namespaces/default/configmaps", a_map, as_dict)
    leads.cancel()
    lease.held, time = True, 160.0  # as it is in the moment of waking
    with pytest.raises(Unavailable, match="not the active one"):
        await own.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "second"}}, as_dict)
    assert server.names("configmaps") == ["first"]


def test_a_standby_takes_over_within_15_seconds_and_never_before_the_holder_gave_up():
    timing = LeaseTiming()
    assert timing.duration + 2 * timing.ask_every < 15
    assert timing.renew_every < timing.give_up_after < timing.duration
