"""What people may run, asked for them of the server of faults."""

from __future__ import annotations

import pytest

from penstock.adapters.kube.authority import KubeAuthority
from penstock.adapters.kube.client import KubeClient
from penstock.api.v1alpha1.pods import PodDefaults
from penstock.api.v1alpha1.run import RequestedBy
from penstock.ports.access import Key
from penstock.testing.builders import a_spec
from tests.integration.kube.api_server import ApiServer

ALICE = RequestedBy(user="alice", groups=("authors",))
DEFINITION = a_spec(secrets=("db", "mail"), pod_defaults=PodDefaults(service_account_name="deployer"))


def asked(server: ApiServer) -> list[tuple[str, str]]:
    """Verb and object of each right."""
    rights = (each["resourceAttributes"] for each in server.asked_rights)
    return [(each["verb"], each.get("name") or each["subresource"]) for each in rights]


async def test_a_definition_takes_the_right_to_all_that_it_uses(server: ApiServer, client: KubeClient):
    assert await KubeAuthority(client).refusal(ALICE, "sales", DEFINITION) == ""

    assert asked(server) == [("create", "inline"), ("get", "db"), ("get", "mail"), ("impersonate", "deployer")]
    assert {each["resourceAttributes"]["namespace"] for each in server.asked_rights} == {"sales"}


async def test_a_workflow_takes_the_right_to_run_it_and_no_more(server: ApiServer, client: KubeClient):
    assert await KubeAuthority(client).refusal(ALICE, "sales", Key("sales", "order")) == ""

    assert asked(server) == [("create", "order")]


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("mail", "may not use Secret mail"),
        ("inline", "may not run definitions inline"),
        ("deployer", "may not use ServiceAccount deployer"),
    ],
)
async def test_what_somebody_lacks_is_named(server: ApiServer, client: KubeClient, lacking: str, said: str):
    server.lacking.add(lacking)
    refusal = await KubeAuthority(client).refusal(ALICE, "sales", DEFINITION)

    assert refusal.startswith("alice ")
    assert said in refusal
