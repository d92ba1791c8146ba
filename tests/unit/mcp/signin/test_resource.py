from __future__ import annotations

import pytest

from penstock.errors import InvalidInput
from penstock_mcp.signin.resource import ProtectedResource

URL = "https://mcp.example.com/mcp"
OURS = ProtectedResource(URL, "https://idp.example.com")


@pytest.mark.parametrize("audience", [URL, "https://mcp.example.com/apps/sales/order.desk/mcp"])
def test_audiences_that_mean_this_server(audience: str):
    assert OURS.means_us(audience)


@pytest.mark.parametrize(
    "audience",
    [
        "",
        "https://mcp.example.com",
        "https://mcp.example.com/mcp/",
        "https://mcp.example.com/mcp2",
        "https://mcp.example.com.evil.com/mcp",
        "https://mcp.example.com/apps/sales/mcp",
        "https://mcp.example.com/apps/../x/mcp",
        "https://evil.example.com/apps/sales/order/mcp",
        "/apps/sales/order/mcp",
        "http://mcp.example.com/mcp",
    ],
)
def test_audiences_that_mean_somebody_else(audience: str):
    assert not OURS.means_us(audience)


def test_a_provider_may_call_this_server_by_a_name_of_its_own():
    named = ProtectedResource(URL, "https://idp.example.com", "api://penstock")
    assert named.means_us("api://penstock")
    assert not named.means_us("api://other")


@pytest.mark.parametrize("url", ["", "mcp.example.com", "ftp://x/mcp", "https://x/mcp?a=1", "https://x/mcp#a"])
def test_what_is_no_address_of_an_endpoint(url: str):
    with pytest.raises(InvalidInput):
        ProtectedResource(url, "https://idp.example.com")
