"""Kubeconfigs for people and ServiceAccounts of the test cluster, made the way any cluster's administrator would."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.cluster import Cluster, wait_for
from tests.support.tenant import Person


def persons_kubeconfig(cluster: Cluster, person: Person, namespace: str, folder: Path) -> Path:
    """A kubeconfig with a client certificate in the person's name, signed by the cluster."""
    name = f"{namespace}-{person.name.split('@')[0]}"
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    subject = "".join(f"/O={group}" for group in person.groups) + f"/CN={person.name}"
    algorithm = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    files = ("-keyout", str(key), "-out", str(request))
    words = ["openssl", "req", "-new", *algorithm, *files, "-subj", subject]
    subprocess.run(words, check=True, capture_output=True, timeout=30)
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": _base64(request),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "expirationSeconds": 3600,
        },
    }
    cluster.kubectl("create", "-f", "-", stdin=body)
    cluster.kubectl("certificate", "approve", name)
    wait_for(lambda: _signed(cluster, name), seconds=30, what=f"the cluster signs the certificate of {person.name}")
    user = {"client-certificate-data": _signed(cluster, name), "client-key-data": _base64(key)}
    cluster.kubectl("delete", "csr", name)
    return _write(cluster, folder / f"{name}.kubeconfig", user, namespace)


def service_accounts_kubeconfig(cluster: Cluster, namespace: str, account: str, folder: Path) -> Path:
    """A kubeconfig with a token of a ServiceAccount, good for an hour."""
    token = cluster.kubectl("create", "token", account, "-n", namespace, "--duration=1h").stdout.strip()
    return _write(cluster, folder / f"{account}.kubeconfig", {"token": token}, namespace)


def _signed(cluster: Cluster, name: str) -> str:
    certificate: str = cluster.read("csr", name).get("status", {}).get("certificate", "")
    return certificate


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _write(cluster: Cluster, file: Path, user: dict[str, Any], namespace: str) -> Path:
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout)
    config["users"] = [{"name": "user", "user": user}]
    context = {"cluster": config["clusters"][0]["name"], "user": "user", "namespace": namespace}
    config["contexts"] = [{"name": "context", "context": context}]
    config["current-context"] = "context"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    return file
