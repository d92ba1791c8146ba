"""Assertions of who asked for a run on the fault server: one Secret an attempt, its own, whoever dies in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from penstock.adapters.assertion_key import LocalKey
from penstock.adapters.kube.manifests import ASSERTION_TYPE
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operate, operating
from tests.integration.kube.stage import ends, finished, status
from tests.support.eventually import eventually

CONNECTION: dict[str, Any] = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "Connection",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {"type": "json-api", "url": "https://shop.example/api", "auth": {"onBehalfOf": {"lifetime": "5m"}}},
}


@pytest.fixture
def key(tmp_path: Path) -> LocalKey:
    made = LocalKey(tmp_path / "key.pem", "penstock")
    made.ensure()
    return made


def ask(server: ApiServer, name: str = "order-1", user: str = "nora") -> None:
    step = {"name": "list", "http": {"connection": "shop", "path": "/Order"}, "retry": {"limit": 1}}
    who = {"user": user, "groups": ["north"]}
    spec = {"inline": {"steps": [step]}, "requestedBy": who}
    server.put("connections", CONNECTION)
    server.put(
        "workflowruns",
        {
            "apiVersion": "penstock.dev/v1alpha1",
            "kind": "WorkflowRun",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        },
    )


def secrets(server: ApiServer) -> list[dict[str, Any]]:
    return [server.get("secrets", name) for name in server.names("secrets")]


def claims(key: LocalKey, secret: dict[str, Any]) -> dict[str, Any]:
    return jwt.decode(secret["stringData"]["token"], ECKey.import_key(key.path.read_bytes())).claims


async def test_each_attempt_has_an_assertion_of_its_own_that_goes_with_its_job(
    server: ApiServer, kubelet: Kubelet, key: LocalKey
):
    kubelet.orders["list"] = Order(code="CALL_FAILED", reason="busy")
    ask(server)
    async with operating(server, signer=key):
        await eventually(lambda: finished(server), seconds=30)
    first, second = sorted(secrets(server), key=lambda each: claims(key, each)["penstock"]["attempt"])
    for number, secret in enumerate((first, second), 1):
        said = claims(key, secret)
        assert (said["sub"], said["aud"], said["groups"]) == ("nora", "https://shop.example", ["north"])
        assert said["exp"] - said["iat"] == 300
        assert said["penstock"]["attempt"] == number
        assert (secret["type"], secret["immutable"]) == (ASSERTION_TYPE, True)
        (owner,) = secret["metadata"]["ownerReferences"]
        job = server.get("jobs", owner["name"])
        assert (owner["kind"], owner["uid"]) == ("Job", job["metadata"]["uid"])
        pod = server.get("pods", owner["name"])
        (variable,) = [each for each in pod["spec"]["containers"][0]["env"] if each["name"] == "CONNECTION_AUTH"]
        assert variable["valueFrom"] == {"secretKeyRef": {"name": secret["metadata"]["name"], "key": "token"}}
    everything = [found for (plural, _, _), found in server.objects.items() if plural != "secrets"]
    assert first["stringData"]["token"] not in str(everything)


async def test_a_retry_by_somebody_else_is_signed_for_him(server: ApiServer, kubelet: Kubelet, key: LocalKey):
    kubelet.orders["list"] = Order(code="CALL_REFUSED", reason="no")
    ask(server)
    async with operating(server, signer=key):
        await eventually(lambda: finished(server), seconds=30)
        kubelet.orders["list"] = Order(output=[])
        ask(server, "order-2", "ann")
        await ends_as(server, "order-2", "Succeeded")
    assert sorted(claims(key, each)["sub"] for each in secrets(server)) == ["ann", "nora"]


@pytest.mark.parametrize("crash", [f"{when}:{number}" for number in (2, 3, 4, 5) for when in ("before", "after")])
async def test_whoever_dies_between_them_there_is_one_pod_and_it_has_its_assertion(
    server: ApiServer, kubelet: Kubelet, key: LocalKey, crash: str
):
    kubelet.orders["list"] = Order(output=[1])
    ask(server)
    await operate(server, crash, signer=key)
    async with operating(server, signer=key):
        await ends(server)
    assert status(server)["phase"] == "Succeeded", status(server)
    (secret,) = secrets(server)
    assert claims(key, secret)["sub"] == "nora"
    assert len(kubelet.started) == 1


async def test_an_installation_that_signs_nothing_starts_nothing(server: ApiServer, kubelet: Kubelet):
    ask(server)
    async with operating(server):
        await eventually(lambda: finished(server), seconds=30)
    assert status(server)["error"]["code"] == "REFUSED"
    assert "signs no assertions" in status(server)["error"]["reason"]
    assert server.names("jobs") == []
    assert server.names("secrets") == []


async def ends_as(server: ApiServer, name: str, phase: str) -> None:
    await eventually(lambda: status(server, name).get("phase") == phase, seconds=30, what=str(status(server, name)))
