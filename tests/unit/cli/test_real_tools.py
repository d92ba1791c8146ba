"""Options over the environment."""

from __future__ import annotations

import pytest

from penstock.cli.options import Place
from penstock.cli.real_tools import overrides
from penstock.errors import InvalidInput


@pytest.mark.parametrize(
    ("place", "want"),
    [
        (Place(), {}),
        (Place(local=True), {"mode": "local"}),
        (Place(kube_context="kind"), {"mode": "cluster", "kube_context": "kind"}),
        (Place(cluster=True, namespace="sales"), {"mode": "cluster", "namespace": "sales"}),
    ],
)
def test_options_fix_what_they_name_and_leave_the_rest_to_the_environment(place, want):
    assert overrides(place) == want


def test_a_place_cannot_be_both():
    with pytest.raises(InvalidInput, match="--local goes with neither"):
        overrides(Place(local=True, kube_context="kind"))
