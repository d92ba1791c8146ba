"""Dependencies of a Python step, installed with uv from the package index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.settings import process_environment
from tests.integration.runtimes.conftest import Harness

_PASSED_ON = ("SSL_CERT_FILE", "UV_", "HTTPS_PROXY", "https_proxy", "NO_PROXY")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def online(harness: Harness, cache: Path) -> Harness:
    """A harness that reaches the package index as this machine does."""
    environment = {name: value for name, value in process_environment().items() if name.startswith(_PASSED_ON)}
    uv = Path(sys.executable).parent / "uv"
    harness.environment.update(environment, PENSTOCK_UV=str(uv), UV_CACHE_DIR=str(cache))
    return harness


def test_a_dependency_is_installed_and_its_version_reported(online: Harness):
    source = "import six, sys; print(sys.version_info[:2]); output([six.__version__, sys.prefix])"

    finished = online.run("python", source, dependencies=["six==1.16.0"])

    assert finished.error == (None, None)
    assert finished.record.output == ["1.16.0", str(finished.folder / ".penstock" / "python")]
    assert finished.record.dependencies == ("six==1.16.0",)
    assert finished.record.interpreter == f"Python {sys.version.split()[0]}"


def test_a_scripts_own_metadata_names_dependencies(online: Harness):
    metadata = "# /// script\n# requires-python = '>=3.11'\n# dependencies = ['six==1.16.0']\n# ///\n"

    assert online.run("python", metadata + "import six\noutput(six.__version__)\n").record.output == "1.16.0"


def test_a_dependency_that_cannot_be_had_says_why(online: Harness):
    finished = online.run("python", "open('ran', 'w')", dependencies=["six==99.99"])
    code, reason = finished.error

    assert code == "DEPENDENCIES_FAILED"
    assert reason is not None
    assert "six==99.99" in reason
    assert finished.exit_code == 125
    assert not (finished.folder / "ran").exists()


def a_uv(harness: Harness, script: str) -> dict[str, str]:
    """A stand-in for uv."""
    path = harness.folder / "uv"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PENSTOCK_UV": str(path)}


def test_installing_does_not_see_the_steps_secrets(harness: Harness):
    environment = {"TOKEN": "hidden-token", "UV_INDEX_PASSWORD": "for-the-index", "PLAIN": "1"}
    fields = {"dependencies": ["six"], "secretEnv": ["TOKEN", "UV_INDEX_PASSWORD"]}

    printed = harness.run("python", "", {**a_uv(harness, "env >&2; exit 1"), **environment}, **fields).printed

    assert b"PLAIN=1" in printed
    assert b"TOKEN" not in printed
    assert b"PENSTOCK_INPUT" not in printed
    assert b"UV_INDEX_PASSWORD=***" in printed


def test_the_timeout_covers_the_installation(harness: Harness):
    finished = harness.run("python", "", a_uv(harness, "sleep 1000"), dependencies=["six"], timeoutSeconds=0.5)

    assert finished.error[0] == "TIMED_OUT"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"dependencies": ["--index-url=http://evil.example"]}, "is not a dependency", id="an option"),
        pytest.param({"dependencies": ["six\n--pre"]}, "is not a dependency", id="two lines"),
        pytest.param({"dependencies": [" "]}, "is not a dependency", id="nothing"),
        pytest.param({"source": "# /// script\n# dependencies = [\n# ///\n"}, "is not TOML", id="half of TOML"),
        pytest.param({"source": "# /// script\n# dependencies = 'six'\n# ///\n"}, "must be a list", id="no list"),
    ],
)
def test_what_is_no_dependency_is_refused(harness: Harness, fields: dict[str, Any], message: str):
    finished = harness.run("python", **{"source": "", **fields})

    assert finished.error[0] == "DEPENDENCIES_FAILED"
    assert finished.error[1] is not None
    assert message in finished.error[1]


def test_without_uv_it_says_so(harness: Harness):
    finished = harness.run("python", "", {"PENSTOCK_UV": "/nowhere/uv"}, dependencies=["six"])

    assert finished.error == (
        "RUNTIME_MISSING",
        "/nowhere/uv is not installed here, or not on PATH. Install uv: https://docs.astral.sh/uv",
    )
