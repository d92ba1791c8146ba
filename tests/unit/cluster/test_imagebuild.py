"""Names of images: a short one would be looked for in a public registry."""

from __future__ import annotations

import pytest

from tests.cluster import imagebuild
from tests.cluster.programs import ClusterError


@pytest.mark.parametrize("name", ["localhost/penstock-operator:test", "registry.example.org:5000/a/b:1"])
def test_full_names_are_taken(name: str):
    imagebuild.check_name(name)


@pytest.mark.parametrize(
    "name", ["penstock-operator", "penstock-operator:test", "penstock/operator:test", "localhost/x"]
)
def test_short_names_are_refused_with_an_example(name: str):
    with pytest.raises(ClusterError, match="such as localhost/penstock-operator:test"):
        imagebuild.check_name(name)
