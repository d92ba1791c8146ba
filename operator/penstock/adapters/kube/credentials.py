"""Where the API server is and what proves who we are: kubeconfig or the pod's own ServiceAccount.

The official client reads both; this module only asks it again when that is due.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from penstock.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The API server and how to speak TLS with it."""

    server: str
    ssl: ssl.SSLContext | bool = True
    server_hostname: str | None = None
    proxy: str | None = None


class Credentials:
    """Endpoint and Authorization header, renewed when the server stops believing in them.

    An instance belongs to one event loop.
    """

    def __init__(self, load: Callable[[], Awaitable[tuple[Endpoint, Any]]]) -> None:
        self._load = load
        self._loaded: tuple[Endpoint, Any] | None = None
        self._generation = 0
        self._lock = asyncio.Lock()

    @classmethod
    def from_kubeconfig(cls, path: Path | str, context: str | None = None) -> Credentials:
        """Those of a kubeconfig file (several joined by `:` are merged), of its current context by default."""
        return cls(lambda: _from_kubeconfig(str(path), context))

    @classmethod
    def in_cluster(cls) -> Credentials:
        """Those of the ServiceAccount of the pod that this runs in; its token is read again every minute."""
        return cls(_in_cluster)

    @classmethod
    def fixed(cls, server: str, authorization: str | None = None) -> Credentials:
        """A server that is simply there, with one header at most."""

        async def load() -> tuple[Endpoint, Any]:
            return Endpoint(server), _Fixed(authorization)

        return cls(load)

    async def current(self) -> tuple[Endpoint, str | None, int]:
        """Endpoint, Authorization header, and the generation to hand to `renew` if the server refuses them."""
        if self._loaded is None:
            await self.renew(0)
        assert self._loaded is not None
        endpoint, source = self._loaded
        return endpoint, await source.get_api_key_with_prefix("BearerToken"), self._generation

    async def renew(self, refused: int) -> None:
        """Load everything anew unless somebody did so since generation `refused`."""
        async with self._lock:
            if self._generation == refused:
                self._loaded = await self._load()
                self._generation += 1


async def session_of(credentials: Credentials) -> tuple[str, aiohttp.ClientSession]:
    """The server and a session for a client that is not ours; each request gets the credentials of its moment."""
    endpoint, _authorization, _generation = await credentials.current()

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        _, authorization, _ = await credentials.current()
        if authorization:
            request.headers["Authorization"] = authorization
        return await handler(request)

    connector = aiohttp.TCPConnector(limit=0, ssl=endpoint.ssl)
    return endpoint.server, aiohttp.ClientSession(connector=connector, proxy=endpoint.proxy, middlewares=(authorize,))


class _Fixed:
    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    async def get_api_key_with_prefix(self, _identifier: str) -> str | None:
        return self._authorization


async def _from_kubeconfig(path: str, context: str | None) -> tuple[Endpoint, Any]:
    # Imported here: it takes most of a second, and `penstock --help` must not pay for it.
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException, load_kube_config

    configuration = Configuration()
    load: Any = load_kube_config
    try:
        await load(config_file=path, context=context, client_configuration=configuration, persist_config=False)
    # A kubeconfig that is missing, or not YAML, surfaces as AttributeError and TypeError from inside the loader.
    except (ConfigException, AttributeError, TypeError, OSError) as error:
        raise InvalidInput(
            f"the kubeconfig {path} cannot be used: {error}", hint="Check it with `kubectl config view`."
        ) from error
    return _endpoint(configuration), configuration


async def _in_cluster() -> tuple[Endpoint, Any]:
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException, load_incluster_config

    configuration = Configuration()
    load: Any = load_incluster_config
    try:
        load(client_configuration=configuration)
    except ConfigException as error:
        raise InvalidInput(
            f"this does not run in a pod with a ServiceAccount: {error}", hint="Name a kubeconfig."
        ) from error
    return _endpoint(configuration), configuration


def _endpoint(configuration: Any) -> Endpoint:
    return Endpoint(
        server=configuration.host.rstrip("/"),
        ssl=_tls(configuration) if configuration.host.startswith("https") else True,
        server_hostname=configuration.tls_server_name or None,
        proxy=configuration.proxy or None,
    )


def _tls(configuration: Any) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    # Cluster authorities made by usual tools lack what RFC 5280 strictness (on by default since Python 3.13) asks for.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls
