"""Who the certificates speak for, and the kubeconfig made of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.cluster import pki


def test_the_administrator_and_the_node_have_the_groups_that_the_authorizers_know():
    subjects = {each.name: each.subject for each in pki.identities("node-1", "192.0.2.7")}
    assert subjects["admin"] == "/O=system:masters/CN=kubernetes-admin"
    assert subjects["kubelet"] == "/O=system:nodes/CN=system:node:node-1"


def test_the_api_server_can_be_verified_by_address_service_and_name():
    (server,) = [each for each in pki.identities("node-1", "192.0.2.7") if each.name == "apiserver"]
    assert {"IP:127.0.0.1", "IP:192.0.2.7", "IP:10.96.0.1", "DNS:kubernetes.default.svc"} <= set(server.addresses)


def test_a_kubeconfig_carries_everything_in_itself(tmp_path: Path):
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (tmp_path / name).write_text(f"content of {name}")

    config = json.loads(pki.kubeconfig(tmp_path, "admin", "https://192.0.2.7:6443"))

    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster["server"] == "https://192.0.2.7:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"content of ca.crt"
    assert base64.b64decode(user["client-key-data"]) == b"content of admin.key"
    assert config["current-context"] == config["contexts"][0]["name"]
