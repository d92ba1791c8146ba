"""The cluster's certificates: one authority, one certificate for each component, made anew at every start."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.programs import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_SELF_SIGNED = ("openssl", "req", "-x509", "-days", "3650", *_KEY)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate speaks for, in the words of the API server: user and group."""

    name: str
    """The base name of the certificate's files."""
    user: str
    group: str = ""
    addresses: tuple[str, ...] = ()
    """Subject alternative names (`IP:...`, `DNS:...`) of a server's certificate."""

    @property
    def subject(self) -> str:
        """The subject as openssl takes it."""
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"


def identities(node: str, address: str) -> tuple[Identity, ...]:
    """Every certificate of a cluster whose only node is called `node` and has the address `address`."""
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    server = (*(f"DNS:{name}" for name in names), "IP:127.0.0.1", "IP:10.96.0.1", f"IP:{address}")
    return (
        Identity("apiserver", "kube-apiserver", addresses=server),
        Identity("apiserver-kubelet", "kube-apiserver", "system:masters"),
        Identity("admin", "kubernetes-admin", "system:masters"),
        Identity("kube-controller-manager", "system:kube-controller-manager"),
        Identity("kube-scheduler", "system:kube-scheduler"),
        Identity("kube-proxy", "system:kube-proxy"),
        Identity("kubelet", f"system:node:{node}", "system:nodes"),
        Identity("kubelet-server", node, addresses=(f"DNS:{node}", f"IP:{address}", "IP:127.0.0.1")),
    )


def create(folder: Path, wanted: tuple[Identity, ...]) -> None:
    """Write `ca`, the service-account key pair and a certificate for each identity into `folder`."""
    usage = ("-addext", "keyUsage=critical,keyCertSign,digitalSignature")
    files = ("-out", folder / "ca.crt", "-keyout", folder / "ca.key")
    run([*_SELF_SIGNED, "-subj", "/CN=penstock-test-cluster", *usage, *files])
    for identity in wanted:
        _issue(folder, identity)
    key = folder / "service-accounts.key"
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key])
    run(["openssl", "ec", "-in", key, "-pubout", "-out", folder / "service-accounts.pub"])


def _issue(folder: Path, identity: Identity) -> None:
    extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth,serverAuth"]
    if identity.addresses:
        extensions.append("subjectAltName=" + ",".join(identity.addresses))
    issuer = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key")
    added = [word for extension in extensions for word in ("-addext", extension)]
    files = ("-out", folder / f"{identity.name}.crt", "-keyout", folder / f"{identity.name}.key")
    run([*_SELF_SIGNED, *issuer, "-subj", identity.subject, *added, *files])


def kubeconfig(folder: Path, name: str, server: str) -> str:
    """A kubeconfig that carries the certificate `name` in itself, so that the file can be copied. JSON is YAML."""

    def encoded(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    user = {"client-certificate-data": encoded(f"{name}.crt"), "client-key-data": encoded(f"{name}.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "penstock", "cluster": {"server": server, "certificate-authority-data": encoded("ca.crt")}}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "penstock", "context": {"cluster": "penstock", "user": name}}],
        "current-context": "penstock",
    }
    return json.dumps(document, indent=2) + "\n"
