"""What a step's process inherits from the one that starts it: nothing but this list."""

from __future__ import annotations

from collections.abc import Mapping

INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    # Behind a proxy or with a certificate authority of their own, people reach nothing without these.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    # Where packages come from.
    "NETRC",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_TRUSTED_HOST",
    "UV_CACHE_DIR",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_TIMEOUT",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_SYSTEM_CERTS",
    "GOAUTH",
    "GOCACHE",
    "GOFLAGS",
    "GOINSECURE",
    "GOMODCACHE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPATH",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "XDG_CACHE_HOME",
)
"""Names that are passed on where they are set."""
INHERITED_PREFIXES = ("LC_", "UV_INDEX", "npm_config_")
"""Beginnings of further names that are passed on; `UV_INDEX_<name>_PASSWORD` belongs to an index."""


CONTAINER_TOOLS_OWN = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "PODMAN_", "XDG_", "SSH_AUTH_SOCK", "DBUS_")
"""Beginnings of names by which docker and podman find their service, their settings and their credentials."""


def container_environment(inherited: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment of the tool that runs a step's container; nothing of it reaches the container."""
    tools = {name: value for name, value in inherited.items() if name.startswith(CONTAINER_TOOLS_OWN)}
    return {**step_environment(inherited, {}, own), **tools}


def step_environment(
    inherited: Mapping[str, str], declared: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a step's process.

    `inherited` is the whole environment to choose from, `declared` what the Workflow says, `own` what the harness needs
    and nobody may change.
    """
    passed = {
        name: value for name, value in inherited.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    return {**passed, **declared, **own}
