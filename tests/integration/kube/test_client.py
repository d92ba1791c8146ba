"""What the client makes of the API server's answers, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.crash import CrashSwitch
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.resources import JOBS, PODS, RUNS
from penstock.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PenstockError,
    Unavailable,
)
from penstock.ports.access import Actor
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.conftest import QUICK

POD = PODS.path("default", "a")


def status(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        pytest.param(status(404, "NotFound", 'pods "a" not found'), NotFound, 'pods "a" not found', id="not found"),
        pytest.param(status(403, "Forbidden", "bob cannot get pods"), Forbidden, "bob cannot get pods", id="forbidden"),
        pytest.param(
            status(
                422,
                "Invalid",
                'approvalrequests.penstock.dev "a" is forbidden: ValidatingAdmissionPolicy '
                "'approvalrequests.penstock.dev' with binding 'approvalrequests.penstock.dev' denied request: "
                "you are not an approver of this request",
            ),
            Forbidden,
            "you are not an approver of this request",
            id="a policy's own words",
        ),
        pytest.param(status(409, "AlreadyExists", "it is there"), AlreadyExists, "it is there", id="already exists"),
        pytest.param(status(409, "Conflict", "modified"), Conflict, "modified", id="conflict"),
        pytest.param(
            status(422, "Invalid", "x is invalid: y", causes=[{"field": "spec.steps", "message": "too many"}]),
            InvalidInput,
            "spec.steps: too many",
            id="every problem of an invalid object",
        ),
    ],
)
async def test_refusals_become_errors_of_ours(
    server: ApiServer, client: KubeClient, body: dict[str, Any], error: type[PenstockError], said: str
):
    server.faults.append(Fault("GET", POD, status=body["code"], body=body))
    with pytest.raises(error) as caught:
        await client.get(POD, as_dict)
    assert said in str(caught.value)


async def test_reads_are_tried_again_while_the_server_is_away(server: ApiServer, client: KubeClient):
    server.put("pods", {"metadata": {"name": "a"}})
    server.faults += [Fault("GET", POD, status=503), Fault("GET", POD, status=429, headers={"Retry-After": "0"})]
    assert (await client.get(POD, as_dict))["metadata"]["name"] == "a"


async def test_a_server_that_is_away_for_long_is_unavailable(server: ApiServer, client: KubeClient):
    server.faults += [Fault("GET", POD, status=503) for _ in range(20)]
    with pytest.raises(Unavailable, match="503"):
        await client.get(POD, as_dict)


async def test_how_long_to_wait_is_passed_on(server: ApiServer, client: KubeClient):
    server.faults.append(Fault("POST", "/pods", status=429, headers={"Retry-After": "7"}))
    with pytest.raises(Unavailable) as caught:
        await client.create(PODS.path("default"), {"metadata": {"name": "a"}}, as_dict)
    assert caught.value.retry_after == 7


async def test_a_write_whose_answer_is_lost_is_not_repeated(server: ApiServer, client: KubeClient):
    server.faults.append(Fault("POST", "/jobs", carried_out=True))
    with pytest.raises(Unavailable):
        await client.create(JOBS.path("default"), {"metadata": {"generateName": "j-"}}, as_dict)
    assert len(server.names("jobs")) == 1


async def test_no_server_at_all_is_unavailable():
    async with KubeClient.connect(Credentials.fixed("http://127.0.0.1:9"), QUICK) as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.get(POD, as_dict)


async def test_a_refused_token_is_read_anew_once(server: ApiServer):
    tokens = iter(["stale", "fresh", "never"])

    async def load() -> tuple[Any, Any]:
        return await Credentials.fixed(server.url, f"Bearer {next(tokens)}")._load()

    server.put("pods", {"metadata": {"name": "a"}})
    server.faults.append(Fault("GET", POD, status=401, body=status(401, "Unauthorized", "Unauthorized")))
    async with KubeClient.connect(Credentials(load), QUICK) as client:
        await client.get(POD, as_dict)
    assert [each["Authorization"] for each in server.headers] == ["Bearer stale", "Bearer fresh"]


async def test_impersonation_names_user_groups_and_client(server: ApiServer, client: KubeClient):
    server.put("pods", {"metadata": {"name": "a"}})
    await client.acting_as(Actor("alice", "agent-7", ("leads",))).get(POD, as_dict)
    sent = server.headers[-1]
    assert sent["Impersonate-User"] == "alice"
    assert sent["Impersonate-Group"] == "leads"
    assert sent["Impersonate-Extra-penstock.dev%2Fclient"] == "agent-7"


async def test_a_service_account_is_impersonated_by_name_alone(server: ApiServer, client: KubeClient):
    server.put("pods", {"metadata": {"name": "a"}})
    account = Actor("system:serviceaccount:shop:agent", "sa:shop:agent", ("system:serviceaccounts",))
    await client.acting_as(account).get(POD, as_dict)
    assert [name for name in server.headers[-1] if name.startswith("Impersonate")] == ["Impersonate-User"]


async def test_nobody_is_not_impersonated(client: KubeClient):
    with pytest.raises(PenstockError):
        client.acting_as(Actor(""))


async def test_a_name_cannot_leave_its_place(server: ApiServer, client: KubeClient):
    with pytest.raises(PenstockError):
        await client.get(RUNS.path("default", "../../namespaces/kube-system/secrets"), as_dict)
    assert server.requests[-1][1].endswith("workflowruns/..%2F..%2Fnamespaces%2Fkube-system%2Fsecrets")


@pytest.mark.parametrize(
    ("when", "pods"), [pytest.param("before:2", 1, id="before"), pytest.param("after:2", 2, id="after")]
)
async def test_the_crash_switch_ends_the_process_at_the_named_write(server: ApiServer, when: str, pods: int):
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    switch = CrashSwitch(when, die=die)
    async with KubeClient.connect(Credentials.fixed(server.url), replace(QUICK, crash=switch)) as client:
        await client.create(PODS.path("default"), {"metadata": {"name": "one"}}, as_dict)
        await client.create(
            "/apis/events.k8s.io/v1/namespaces/default/events", {"metadata": {"name": "e"}}, as_dict, counted=False
        )
        with pytest.raises(Died):
            await client.create(PODS.path("default"), {"metadata": {"name": "two"}}, as_dict)
        assert client.writes == 2
    assert len(server.names("pods")) == pods


async def test_a_crash_point_that_makes_no_sense_is_refused():
    with pytest.raises(InvalidInput, match="before:N"):
        CrashSwitch("sometimes")
