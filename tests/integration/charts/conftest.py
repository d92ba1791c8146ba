"""helm, and what it makes of the charts. No cluster is asked."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.gobuild import OLDEST_GO, build_one, go_version
from tests.cluster.layout import from_environment
from tests.support.cluster import required

CHARTS = Path(__file__).resolve().parents[3] / "charts"
STAMPING = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
Manifest = dict[str, Any]


class Manifests(list[Manifest]):
    """What a chart makes."""

    def of(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self if manifest["kind"] == kind]

    def named(self, kind: str, name: str) -> Manifest:
        (found,) = [manifest for manifest in self.of(kind) if manifest["metadata"]["name"] == name]
        return found


@dataclass(frozen=True, slots=True)
class Helm:
    """Renders the charts of this repository."""

    program: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        # Without a kubeconfig, so that no cluster that happens to run decides what comes out.
        return subprocess.run(
            [self.program, "--kubeconfig=/nonexistent", *words], capture_output=True, text=True, timeout=60, check=False
        )

    def render(
        self,
        chart: str = "penstock",
        *,
        release: str = "penstock",
        namespace: str = "penstock-system",
        served: Sequence[str] = (STAMPING,),
        **values: object,
    ) -> subprocess.CompletedProcess[str]:
        """`helm template`; `values` have `__` for the dot."""
        settings = [f"--set-json={key.replace('__', '.')}={json.dumps(value)}" for key, value in values.items()]
        apis = [f"--api-versions={api}" for api in served]
        return self.run(
            "template", release, str(CHARTS / chart), "-n", namespace, "--kube-version=1.36.3", *apis, *settings
        )

    def manifests(self, chart: str = "penstock", **options: Any) -> Manifests:
        """What the chart makes; both images are set where it needs them."""
        images = {"image__operator": "operator:1", "image__mcp": "mcp:1"} if chart == "penstock" else {}
        done = self.render(chart, **{**images, **options})
        assert done.returncode == 0, done.stderr
        return Manifests(manifest for manifest in yaml.safe_load_all(done.stdout) if manifest)


@pytest.fixture(scope="session")
def helm() -> Helm:
    version = go_version()
    if version and version >= OLDEST_GO:
        return Helm(str(build_one(from_environment(), "helm")))
    if found := shutil.which("helm"):
        return Helm(found)
    reason = "there is no helm, and no Go to build it with"
    if required():
        pytest.fail(f"CI=true asks for the charts' tests, and {reason}", pytrace=False)
    pytest.skip(reason)
