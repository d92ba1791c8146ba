"""Dependencies of a step, installed from where its language's packages are: with uv, npm and the go command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.settings import process_environment
from tests.integration.runtimes.conftest import Harness
from tests.integration.runtimes.languages import missing

_PASSED_ON = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "UV_", "npm_config_", "GOPROXY", "GOSUMDB", "GOMODCACHE", "HOME")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def online(harness: Harness, cache: Path) -> Harness:
    """A harness that reaches the package index as this machine does."""
    environment = {
        name: value for name, value in process_environment().items() if name.startswith((*_PASSED_ON, *_PROXIES))
    }
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


@pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")
def test_packages_of_npm(online: Harness):
    source = """
import isOdd from "is-odd"
output([isOdd(3), require("is-odd/package.json").version, require("fs").readdirSync(".").sort()])
"""
    finished = online.run("javascript", source, dependencies=["is-odd@3.0.1"])

    assert finished.error == (None, None)
    assert finished.record.output == [True, "3.0.1", [".penstock", "node_modules", "step.mjs"]]
    assert finished.record.dependencies == ("is-number@6.0.0", "is-odd@3.0.1")


@pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")
def test_scripts_of_packages_do_not_run(online: Harness):
    package = online.folder / "package"
    package.mkdir()
    install = f"touch {online.folder}/ran"
    text = json.dumps({"name": "evil", "version": "1.0.0", "scripts": {"install": install, "postinstall": install}})
    (package / "package.json").write_text(text)

    finished = online.run("javascript", "output(1)", dependencies=[f"file:{package}"])

    assert finished.error == (None, None)
    assert not (online.folder / "ran").exists()


@pytest.mark.skipif(bool(missing("go")), reason="go is not installed")
def test_modules_of_go(online: Harness):
    source = 'import "github.com/google/uuid"\noutput(uuid.Nil)'

    finished = online.run("go", source, dependencies=["github.com/google/uuid@v1.6.0"])

    assert finished.error == (None, None)
    assert finished.record.output == "00000000-0000-0000-0000-000000000000"
    assert finished.record.dependencies == ("github.com/google/uuid@v1.6.0",)


@pytest.mark.skipif(bool(missing("go")), reason="go is not installed")
@pytest.mark.parametrize("dependencies", [[], ["golang.org/x/text@v0.20.0"]])
def test_a_module_that_is_imported_has_to_be_named(online: Harness, dependencies: list[str]):
    code, reason = online.run("go", 'import "rsc.io/quote"\noutput(quote.Go())', dependencies=dependencies).error

    assert code == "DEPENDENCIES_FAILED"
    assert reason is not None
    assert "step.go imports rsc.io/quote, which none of the step's `dependencies` provides" in reason


@pytest.mark.parametrize(
    ("runtime", "dependency"), [("javascript", "is-odd@99.99.99"), ("go", "github.com/google/uuid@v0.99.99")]
)
def test_what_cannot_be_had_says_why_in_other_languages(online: Harness, runtime: str, dependency: str):
    if missing(runtime):
        pytest.skip(f"{missing(runtime)} is not installed")
    code, reason = online.run(runtime, "output(1)", dependencies=[dependency]).error

    assert code == "DEPENDENCIES_FAILED"
    assert reason is not None
    assert dependency.partition("@")[0] in reason


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
