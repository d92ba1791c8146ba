"""The workflows hold up to a real linter, and a release pins the chart's images."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.gobuild import OLDEST_GO, build_one, go_version
from tests.cluster.layout import from_environment
from tests.integration.charts.conftest import Helm
from tests.integration.charts.conftest import helm as helm  # noqa: PLC0414 - the fixture
from tests.support.cluster import ROOT, required
from tools.release import disagreements, pinned

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
IMAGES = ("operator", "mcp", "python", "javascript", "bash", "go", "powershell", "steps", "llm")
VALUES = ROOT / "charts" / "penstock" / "values.yaml"


def reference(name: str) -> str:
    return f"ghcr.io/example/penstock-{name}@sha256:{'a' * 64}"


def test_the_workflows_pass_actionlint():
    if (go_version() or (0, 0)) < OLDEST_GO:
        reason = "there is no Go to build actionlint with"
        if required():
            pytest.fail(f"CI=true asks for it, and {reason}", pytrace=False)
        pytest.skip(reason)
    program = build_one(from_environment(), "actionlint")
    done = subprocess.run([program, *WORKFLOWS], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned_and_tokens_can_do_little(file: Path):
    text = file.read_text()
    used = re.findall(r"uses: (\S+)", text)
    loose = [each for each in used if not each.startswith("./") and not re.search("@[0-9a-f]{40}$", each)]
    # Its releases are a moving branch by design; no commit of one could be checked from here.
    assert set(loose) <= {"pypa/gh-action-pypi-publish@release/v1"}
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        steps = job.get("steps", ())
        assert not [step for step in steps if "${{" in step.get("run", "")], "text of others becomes a script"


def test_every_image_is_released():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    built = workflow["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert sorted(each["name"] for each in built) == sorted(IMAGES)
    assert all((ROOT / each["file"]).is_file() for each in built)
    runtimes = yaml.safe_load(VALUES.read_text())["runtimes"]
    assert {"operator", "mcp", *runtimes} == set(IMAGES)


def test_a_chart_with_pinned_images_needs_no_values(helm: Helm, tmp_path: Path):
    chart = tmp_path / "penstock"
    shutil.copytree(VALUES.parent, chart)
    folder = tmp_path / "references"
    folder.mkdir()
    for name in IMAGES:
        (folder / name).write_text(reference(name) + "\n")
    (folder / "penstock-operator.spdx.json").write_text("{}")
    subprocess.run([sys.executable, "-m", "tools.release", "pin", folder, chart / "values.yaml"], check=True, cwd=ROOT)
    done = helm.run("template", "penstock", str(chart), "--kube-version=1.36.3")
    assert done.returncode == 0, done.stderr
    deployments = [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] == "Deployment"]
    (operator, mcp) = sorted(deployments, key=lambda each: each["metadata"]["name"], reverse=True)
    containers = [each["spec"]["template"]["spec"]["containers"][0] for each in (operator, mcp)]
    assert [each["image"] for each in containers] == [reference("operator"), reference("mcp")]
    (offered,) = [each["value"] for each in containers[0]["env"] if each["name"] == "PENSTOCK_RUNTIME_IMAGES"]
    assert json.loads(offered) == {name: reference(name) for name in IMAGES[2:]}


@pytest.mark.parametrize(
    ("references", "why"),
    [({"operator": "ghcr.io/example/penstock-operator:1.2.3"}, "by digest"), ({"perl": reference("perl")}, "0 places")],
)
def test_what_cannot_be_pinned_stops_the_release(references: dict[str, str], why: str):
    with pytest.raises(ValueError, match=why):
        pinned(VALUES.read_text(), references)


def test_the_versions_agree():
    from penstock import __version__

    assert disagreements(__version__) == []
    assert len(disagreements("9.9.9")) == 3
