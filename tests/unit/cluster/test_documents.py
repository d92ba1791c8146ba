"""The rendered configuration, as the components will read it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import documents


def level(verb: str, group: str, resource: str) -> str:
    """What the API server does: the first rule that matches decides."""
    for rule in json.loads(documents.audit_policy())["rules"]:
        resources = rule.get("resources")
        fits = resources is None or any(each["group"] == group and resource in each["resources"] for each in resources)
        if fits and verb in rule.get("verbs", [verb]):
            return str(rule["level"])
    return "None"


@pytest.mark.parametrize(
    ("verb", "group", "resource", "expected"),
    [
        ("create", "batch", "jobs", "Metadata"),
        ("patch", "penstock.dev", "workflowruns", "Metadata"),
        ("deletecollection", "", "pods", "Metadata"),
        ("get", "penstock.dev", "workflowruns", "None"),
        ("watch", "", "pods", "None"),
        ("create", "", "events", "None"),
        ("patch", "events.k8s.io", "events", "None"),
        ("update", "coordination.k8s.io", "leases", "None"),
    ],
)
def test_the_audit_log_holds_writes_and_nothing_else(verb: str, group: str, resource: str, expected: str):
    assert level(verb, group, resource) == expected


def test_each_request_is_audited_once():
    omitted = json.loads(documents.audit_policy())["omitStages"]
    assert {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"} - set(omitted) == {"ResponseComplete"}


def containerd() -> dict[str, Any]:
    return tomllib.loads(
        documents.containerd(
            root=Path("/s/containerd"),
            state=Path('/s/with "quotes"'),
            socket=Path("/s/containerd.sock"),
            runc=Path("/s/bin/runc"),
            cni_plugins=Path("/usr/lib/cni"),
            cni_config=Path("/s/config/cni"),
        )
    )


def test_containerd_starts_pods_without_the_right_to_lower_oom_scores():
    assert containerd()["plugins"]["io.containerd.cri.v1.runtime"]["restrict_oom_score_adj"] is True


def test_containerd_runs_the_runc_and_the_pause_image_that_were_built_here():
    config = containerd()
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]["runc"]
    assert runtime["options"]["BinaryName"] == "/s/bin/runc"
    assert config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"] == documents.PAUSE_IMAGE


def test_paths_are_quoted_for_toml():
    assert containerd()["state"] == '/s/with "quotes"'


def test_the_kubelet_accepts_cgroup_v1_and_keeps_to_its_own_cgroup_and_folders():
    config = json.loads(
        documents.kubelet(
            pki=Path("/p"), socket=Path("/c.sock"), resolv_conf=Path("/r"), folder=Path("/k"), cgroup="mine"
        )
    )
    assert config["failCgroupV1"] is False
    assert config["cgroupRoot"] == "/mine"
    assert config["podLogsDir"].startswith("/k/")
    assert config["makeIPTablesUtilChains"] is False


def test_pods_reach_the_world_with_the_nodes_address_but_each_other_with_their_own():
    rules = documents.firewall()
    assert f"ip saddr {documents.POD_NETWORK}" in rules
    assert f"ip daddr != {{ {documents.POD_NETWORK}" in rules
    assert "masquerade" in rules


def test_the_pod_network_uses_the_machines_mtu():
    plugin = json.loads(documents.cni(addresses=Path("/a"), mtu=1450))["plugins"][0]
    assert (plugin["mtu"], plugin["ipam"]["dataDir"]) == (1450, "/a")


def test_kube_proxy_leaves_the_machines_connection_limits_alone():
    config = json.loads(documents.kube_proxy(kubeconfig=Path("/k"), masquerade_all=True))
    assert config["mode"] == "nftables"
    assert config["nftables"]["masqueradeAll"] is True
    assert set(config["conntrack"].values()) <= {0, "0s"}
