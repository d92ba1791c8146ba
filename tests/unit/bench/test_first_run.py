from __future__ import annotations

from bench.first_run import commands
from tests.support.cluster import ROOT


def test_the_page_leads_from_an_installation_to_a_finished_run():
    found = commands((ROOT / "README.md").read_text())
    assert found[0] == "helm install penstock-crds charts/penstock-crds"
    assert found[1].startswith("helm install penstock charts/penstock ")
    assert any(command.startswith("kubectl wait workflowrun/") for command in found)
    assert "name: order-1" in next(command for command in found if command.startswith("kubectl create"))
    assert not [command for command in found if "REGISTRY" in command or "…" in command]
