"""penstock doctor as a program: on a machine of its own, and where no cluster answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from penstock.settings import process_environment


def doctor(home: Path, *words: str, **environment: str) -> tuple[int, dict[str, dict[str, str]], str]:
    """Its exit code, the findings by what was looked at, and what it said beside them."""
    own = {name: value for name, value in process_environment().items() if not name.startswith("PENSTOCK_")}
    done = subprocess.run(
        [sys.executable, "-m", "penstock.cli.main", "doctor", "-o", "json", *words],
        env={**own, "PENSTOCK_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return done.returncode, {each["what"]: each for each in found}, done.stderr


def test_a_machine_with_everything_that_it_needs(tmp_path: Path):
    code, found, _ = doctor(tmp_path / "home", "--local")
    assert code == 0
    assert found["python"]["level"] == found["runtime bash"]["level"] == found["database"]["level"] == "ok"
    assert found["runtime python"]["level"] == "ok"
    assert (tmp_path / "home" / "state.db").exists()


def test_a_language_that_is_not_installed_is_named_with_where_to_get_it(tmp_path: Path):
    empty = tmp_path / "bin"
    empty.mkdir()
    code, found, _ = doctor(tmp_path / "home", "--local", PATH=str(empty))
    assert code == 0
    assert found["runtime go"]["level"] == found["runtime powershell"]["level"] == "warn"
    assert "https://go.dev" in found["runtime go"]["advice"]
    assert found["runtime python"]["level"] == "ok", "uv comes with Penstock"
    assert found["containers"]["level"] == "warn"


def test_a_data_directory_that_cannot_be_written_to(tmp_path: Path):
    (tmp_path / "home").write_text("a file, not a directory")
    code, found, _ = doctor(tmp_path / "home", "--local")
    assert code == 1
    assert found["database"]["level"] == "fail"
    assert "PENSTOCK_HOME" in found["database"]["advice"]


def test_a_cluster_that_does_not_answer(tmp_path: Path):
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "contexts": [context],
        "current-context": "c",
    }
    kubeconfig.write_text(yaml.safe_dump({**config, "users": [{"name": "u", "user": {}}]}))
    code, found, _ = doctor(tmp_path / "home", "--cluster", KUBECONFIG=str(kubeconfig))
    assert code == 1
    assert list(found) == ["API server"]
    assert "127.0.0.1:9" in found["API server"]["message"]
    assert not (tmp_path / "home").exists()
