"""The only reader of the environment: one class for each process, read once at its start, handed on in slices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+$")], ...], NoDecode, BeforeValidator(_split)
]
"""Names separated by commas."""


class RetentionSettings(BaseSettings):
    """How long finished runs are kept where their Workflow does not say: PENSTOCK_RETENTION_SUCCEEDED, ..."""

    retention_succeeded: str = "30d"
    """Those that succeeded; empty is for ever."""
    retention_failed: str = "90d"
    """All others; empty is for ever."""
    retention_keep: Annotated[int, Field(ge=0)] = 0
    """How many of one Workflow at most, the newest of them; 0 is any number."""


class TracingSettings(BaseSettings):
    """Where traces go: PENSTOCK_TRACING_ENDPOINT, ..."""

    # Of several bases the last one's counts.
    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", extra="ignore", frozen=True, defer_build=True)

    tracing_endpoint: str = ""
    """Where spans are sent, as OTLP over HTTP: `http://collector:4318/v1/traces`; empty: nowhere."""
    tracing_headers: str = ""
    """Headers of what is sent, `name=value` separated by commas, values percent-encoded."""
    tracing_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much is recorded of what nobody traces already, 0 to 1."""


def process_environment() -> Mapping[str, str]:
    """The environment as a whole, for local mode to hand a listed few of it to the programs that it starts."""
    return dict(os.environ)  # noqa: TID251  this module is the reader


class CommandSettings(RetentionSettings):
    """Of the command line and of the MCP server over stdio: PENSTOCK_MODE, PENSTOCK_NAMESPACE, PENSTOCK_HOME, ..."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", extra="ignore", frozen=True, defer_build=True)

    mode: Literal["auto", "local", "cluster"] = "auto"
    """Local or cluster; `auto` takes the cluster where one is configured."""
    namespace: str | None = None
    """Default namespace; without it the kubeconfig context's, or `default`."""
    kube_context: str | None = None
    """Context of the kubeconfig; without it the current one."""
    home: Path = Path("~/.local/share/penstock")
    """Where local mode keeps its runs."""
    secrets_dir: Path = Path("~/.config/penstock/secrets")
    """Where local mode finds Secrets, as NAME.env each."""
    no_color: Annotated[str, Field(validation_alias="NO_COLOR")] = ""
    """Any text switches colour off (no-color.org)."""
    traceparent: Annotated[str, Field(validation_alias="TRACEPARENT")] = ""
    """The span that a run is asked for in (W3C Trace Context)."""
    kubeconfig: Annotated[str, Field(validation_alias="KUBECONFIG")] = ""
    """Files with clusters and credentials, as kubectl takes them; without it `~/.kube/config`."""
    kubernetes_service_host: Annotated[str, Field(validation_alias="KUBERNETES_SERVICE_HOST")] = ""
    """Set in every pod: the cluster is that of the pod."""

    @property
    def data_dir(self) -> Path:
        """Where local mode keeps its runs, as an absolute path."""
        return self.home.expanduser().resolve()

    @property
    def secrets_folder(self) -> Path:
        """Where local mode finds Secrets, as an absolute path."""
        return self.secrets_dir.expanduser().resolve()

    @property
    def local(self) -> bool:
        """No cluster: chosen, or none is configured."""
        return self.mode == "local" or (self.mode == "auto" and not self._cluster_configured)

    @property
    def _cluster_configured(self) -> bool:
        files = self.kubeconfig.split(os.pathsep) if self.kubeconfig else ["~/.kube/config"]
        return bool(self.kubernetes_service_host) or any(Path(file).expanduser().is_file() for file in files if file)


class OperatorSettings(RetentionSettings, TracingSettings):
    """Of the operator: PENSTOCK_RUNTIME_IMAGES, PENSTOCK_EXECUTOR, ..."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", extra="ignore", frozen=True, defer_build=True)

    namespace: str = "penstock-system"
    """The operator's own namespace: its Lease lives there."""
    instance: str = ""
    """Name of this replica, which the Lease is held under; the name of its host (of the pod) when empty."""
    watch_namespaces: CommaList = ()
    """Namespaces whose runs are driven, separated by commas; all of them when empty."""
    runtime_images: dict[str, str] = {}
    """Runtime to image, as JSON; by digest (`name@sha256:…`) for steps that need an approval."""
    executor: Literal["managed", "native"] = "managed"
    """Who creates a Job's pod: the operator at once, or the built-in Job controller."""
    ca_bundle: str = ""
    """Name of a ConfigMap with `ca.crt` in each namespace that steps trust, mounted into their pods."""
    step_dns_policy: Literal["ClusterFirst", "Default"] = "ClusterFirst"
    """dnsPolicy of the pods of steps."""
    port: int = 8081
    """Of the probes."""
    metrics_port: int = 0
    """Where figures for Prometheus are served, at /metrics; 0: nowhere."""
    workers: int = 32
    """Runs that are worked on at once."""
    notify_webhook_url: str = ""
    """Told of gates as Standard Webhooks have it; empty: nobody is."""
    notify_webhook_secret: str = ""
    """It is signed with this, `whsec_` and base64."""
    notify_chat_url: str = ""
    """Incoming webhook of Slack, Mattermost and others like them."""
    notify_smtp_host: str = ""
    """Mail server; empty: nobody gets mail."""
    notify_smtp_port: int = 587
    """Of the mail server."""
    notify_smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is encrypted."""
    notify_smtp_user: str = ""
    """Empty: without signing in."""
    notify_smtp_password: str = ""
    """Goes with the user."""
    notify_mail_from: str = ""
    """Sender of mail."""
    notify_mail_to: CommaList = ()
    """Who gets mail, separated by commas."""
    notify_before: str = "1h"
    """How long before a gate lapses people are reminded."""
    notify_link: str = ""
    """Address where a gate can be answered, with `{namespace}`, `{name}` and `{run}` in it."""
    assertion_key_file: str = ""
    """Key in PEM that says who asked for a run, for Connections with `onBehalfOf`; empty: nothing is signed."""
    assertion_issuer: str = "penstock"
    """Who signs, as other sides know this installation."""
    connection_looks: str = "1h"
    """How often each Connection is looked at; empty: never."""
    crash: str = ""
    """For tests: `before:N` or `after:N` ends the process at its Nth write."""
    kubeconfig: Annotated[str, Field(validation_alias="KUBECONFIG")] = ""
    """To run outside a pod; in a pod its ServiceAccount is used."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""


class McpSettings(CommandSettings, TracingSettings):
    """Of the MCP server over HTTP: PENSTOCK_MCP_AUDIENCE, PENSTOCK_MCP_ALLOWED_HOSTS, ..."""

    watch_namespaces: CommaList = ()
    """Namespaces whose Workflows are served over HTTP, separated by commas; all of them when empty."""
    port: int = 8080
    """Where HTTP is served."""
    mcp_audience: str = "penstock-mcp"
    """Audience that a caller's ServiceAccount token must be made for."""
    mcp_allowed_hosts: CommaList = ()
    """Host headers that are answered, separated by commas."""
    mcp_allowed_origins: Origins = ()
    """Origins of web pages that may call, `https://chat.example.com`, separated by commas; none when empty."""
    mcp_groups: CommaList = ()
    """Groups that may be passed on to the API server, separated by commas."""
    mcp_url: str = ""
    """Address of the endpoint as clients know it, `https://mcp.example.com/mcp`; needed for signing in."""
    mcp_oauth_issuer: str = ""
    """The OpenID provider whose access tokens are taken; empty: nobody can sign in."""
    mcp_oauth_audience: str = ""
    """What the provider writes into `aud` for this server; without it `mcp_url`."""
    mcp_oauth_jwks_url: str = ""
    """Where the provider's keys are; without it its metadata says."""
    mcp_oauth_algorithms: CommaList = ("RS256",)
    """Algorithms that tokens may be signed with, separated by commas."""
    mcp_oauth_username_claim: str = "sub"
    """As the API server's --oidc-username-claim."""
    mcp_oauth_username_prefix: str = ""
    """As the API server's --oidc-username-prefix: empty is `<issuer>#` (none for email), `-` is none."""
    mcp_oauth_groups_claim: str = ""
    """As the API server's --oidc-groups-claim."""
    mcp_oauth_groups_prefix: str = ""
    """As the API server's --oidc-groups-prefix."""
    mcp_oauth_ca_file: str = ""
    """Certificate authorities of the provider, where the machine's own do not know it."""
    mcp_decide_max_age: Annotated[int, Field(ge=0)] = 0
    """Seconds that a sign-in is good for votes on gates, by the token's `auth_time`; 0: for as long as the token."""
    mcp_api_keys_secret: str = ""
    """Secret with the hashes of API keys, in the server's own namespace; empty: no keys are taken."""
    mcp_client_secrets_file: str = ""
    """Clients whose decisions have to be signed, with their secrets; empty: none have to be."""
    mcp_assertion_keys: CommaList = ()
    """Files in PEM (certificates or public keys) that are published at /.well-known/jwks.json, separated by commas."""
    mcp_rate: float = 20.0
    """Requests a second of one caller, in the long run."""
    mcp_burst: int = 100
    """Requests of one caller at once."""
    metrics_port: int = 0
    """Where figures for Prometheus are served; 0: nowhere."""
    mcp_wait_budget: float = 50.0
    """Seconds that a call waits at most before it answers with the run's handle."""
