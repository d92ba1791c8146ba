"""A real OpenID provider for tests, and somebody with a browser who signs in at it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from joserfc.jwk import RSAKey
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.support.node_tools import NODE, node_tools

HERE = Path(__file__).parent / "openid"
SCOPES = ("runs:read", "runs:write", "approvals:decide")
REDIRECT = "http://127.0.0.1:1/callback"
"""Where the provider sends the browser back to; the browser of these tests stops there and reads the address."""


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """The provider that runs."""

    issuer: str

    async def token(self, endpoint: str, browser: Browser, application: str, request: httpx2.Request) -> str:
        """The access token with which a person's client would have sent this request."""
        auth = sign_in(endpoint, browser, application)
        async with httpx2.AsyncClient(auth=auth) as client:
            # The first time it signs in, the second time for a scope that it lacks.
            for _ in range(2):
                await client.send(request)
        assert auth.context.current_tokens is not None
        return auth.context.current_tokens.access_token

    async def client_credentials(self, resource: str, client: str, secret: str, scope: str) -> str:
        """A token that a program gets in its own name."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        async with httpx2.AsyncClient(auth=(client, secret)) as http:
            answer = await http.post(f"{self.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@contextmanager
def openid_provider(
    people: Mapping[str, Mapping[str, Any]],
    programs: Mapping[str, str] | None = None,
    applications: Sequence[str] = (),
) -> Iterator[OpenIdProvider]:
    """`people`: claims by name. `programs`: secrets of clients that act in their own name.

    `applications`: clients that people use and that somebody registered beforehand; others register themselves.
    """
    robots = [
        {
            "client_id": name,
            "client_secret": secret,
            "grant_types": ["client_credentials"],
            "response_types": [],
            "redirect_uris": [],
        }
        for name, secret in (programs or {}).items()
    ]
    chats = [
        {"client_id": name, "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"} for name in applications
    ]
    key = RSAKey.generate_key(2048, {"kid": "tests", "use": "sig", "alg": "RS256"}).as_dict(private=True)
    setting = json.dumps({"people": people, "clients": [*robots, *chats], "scopes": SCOPES, "keys": [key]})
    command = [str(NODE), str(HERE / "provider.mjs"), str(node_tools(HERE).modules)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(setting)
            process.stdin.close()
            issuer = process.stdout.readline().strip()
            assert issuer, process.stderr.read() if process.stderr else ""
            yield OpenIdProvider(issuer)
        finally:
            process.terminate()


class Memory:
    """What an MCP client remembers of a server."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Browser:
    """A person's browser: signs in when it is asked to, agrees to everything, and remembers what it was shown."""

    person: str
    visited: list[str] = field(default_factory=list)
    """Addresses that an application sent it to."""
    _back: str = ""

    async def open(self, address: str) -> None:
        """What an application does that wants the person to sign in."""
        self.visited.append(address)
        async with httpx2.AsyncClient() as http:
            while not address.startswith(REDIRECT):
                page = await http.get(address)
                if page.is_redirect:
                    address = urljoin(address, page.headers["Location"])
                    continue
                assert page.status_code == 200, page.text
                address = await self._fill_in(http, address, page.text)
        self._back = address

    async def come_back(self) -> AuthorizationCodeResult:
        """What the provider gave the browser for the application."""
        answer = {name: values[0] for name, values in parse_qs(urlsplit(self._back).query).items()}
        assert "code" in answer, f"the provider refused: {answer}"
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    async def _fill_in(self, http: httpx2.AsyncClient, address: str, page: str) -> str:
        action = re.search(r'action="([^"]+)"', page)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page)
        assert action, page
        assert prompt, page
        form = {"prompt": prompt[1], "login": self.person, "password": "any"}
        answer = await http.post(urljoin(address, action[1]), data=form)
        assert answer.is_redirect, answer.text
        return urljoin(address, answer.headers["Location"])


def sign_in(endpoint: str, browser: Browser, application: str = "") -> OAuthClientProvider:
    """An MCP client's own way to sign in at a server: discovery, authorization code with PKCE.

    It registers itself at the provider, or is the `application` that is known there.
    """
    memory = Memory()
    if application:
        memory.client = OAuthClientInformationFull(
            client_id=application, redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none"
        )
    metadata = OAuthClientMetadata(
        client_name=f"{browser.person}'s client",
        redirect_uris=[AnyUrl(REDIRECT)],
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(
        server_url=endpoint,
        client_metadata=metadata,
        storage=memory,
        redirect_handler=browser.open,
        callback_handler=browser.come_back,
    )
