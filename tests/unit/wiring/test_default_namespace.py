"""Which namespace a name without one is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.settings import CommandSettings
from penstock.wiring import default_namespace

KUBECONFIG = """
current-context: sales-cluster
contexts:
- name: sales-cluster
  context: {cluster: c, user: u, namespace: sales}
- name: elsewhere
  context: {cluster: c, user: u, namespace: billing}
- name: plain
  context: {cluster: c, user: u}
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "config"
    path.write_text(KUBECONFIG)
    return str(path)


def of(kubeconfig: str, **settings: str) -> str:
    return default_namespace(CommandSettings(mode="cluster", KUBECONFIG=kubeconfig, **settings))


def test_it_is_that_of_the_current_context(kubeconfig: str):
    assert of(kubeconfig) == "sales"


def test_it_is_that_of_the_context_that_is_chosen(kubeconfig: str):
    assert of(kubeconfig, kube_context="elsewhere") == "billing"


def test_what_is_chosen_counts_before_the_context(kubeconfig: str):
    assert of(kubeconfig, namespace="shop") == "shop"


@pytest.mark.parametrize("context", ["plain", "no such context"])
def test_a_context_without_one_is_in_default(kubeconfig: str, context: str):
    assert of(kubeconfig, kube_context=context) == "default"


def test_of_several_files_the_first_that_says_something_counts(kubeconfig: str, tmp_path: Path):
    first = tmp_path / "first"
    first.write_text("current-context: elsewhere\n")
    assert of(f"{first}:{kubeconfig}") == "billing"


def test_a_file_that_cannot_be_read_is_left_to_whoever_connects_with_it(tmp_path: Path):
    broken = tmp_path / "broken"
    broken.write_text("{")
    assert of(str(broken)) == "default"


def test_local_mode_knows_no_contexts(kubeconfig: str):
    assert default_namespace(CommandSettings(mode="local", KUBECONFIG=kubeconfig)) == "default"
