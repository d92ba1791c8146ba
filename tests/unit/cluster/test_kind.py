"""kind's configuration. The rest of that way needs Docker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster import kind


@pytest.mark.parametrize(
    ("version", "argument"),
    [
        ("v1beta3", ("audit-log-path", "/var/log/penstock-audit/audit.log")),
        ("v1beta4", {"name": "audit-log-path", "value": "/var/log/penstock-audit/audit.log"}),
    ],
)
def test_both_versions_of_kubeadm_are_told_where_the_audit_log_is(version: str, argument: object):
    (node,) = json.loads(kind.cluster_config(Path("/state/audit")))["nodes"]
    patches = [json.loads(patch) for patch in node["kubeadmConfigPatches"]]
    (patch,) = [patch for patch in patches if patch["apiVersion"] == f"kubeadm.k8s.io/{version}"]
    extra = patch["apiServer"]["extraArgs"]

    assert argument in (list(extra.items()) if isinstance(extra, dict) else extra)
    assert node["extraMounts"] == [{"hostPath": "/state/audit", "containerPath": "/var/log/penstock-audit"}]
