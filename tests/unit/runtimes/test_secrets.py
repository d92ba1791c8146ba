"""What of a harness's environment and files is secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.api.v1alpha1.checks_steps import RESERVED_NAMES, RESERVED_PREFIXES
from penstock.engine import secret_references
from penstock_runtimes.harness import environment, protocol, secrets
from penstock_runtimes.harness.secrets import Secrets

WRAPPED = protocol.SECRET_ENV_PREFIX


def test_variables_of_a_whole_secret_come_under_their_own_names():
    found = Secrets({"HOME": "/", f"{WRAPPED}DB_USER": "orders", f"{WRAPPED}tls.crt": "certificate"}, ["TOKEN"])

    assert found.settings == {"HOME": "/", "DB_USER": "orders", "tls.crt": "certificate"}
    assert found.names == ["TOKEN", "DB_USER", "tls.crt"]
    assert sorted(found.maskable) == ["certificate", "orders"]


@pytest.mark.parametrize("name", ["REGION", "PATH", "LD_PRELOAD", "PENSTOCK_OUTPUT", "CTX_total", ""])
def test_no_key_takes_the_place_of_what_is_there_or_of_what_decides_what_runs(name: str):
    found = Secrets({"REGION": "eu", f"{WRAPPED}{name}": "s3cr3t"}, [])

    assert found.settings == {"REGION": "eu"}
    assert found.names == []
    assert found.maskable == ["s3cr3t"]


def test_files_are_secret_and_the_kubelets_own_entries_are_not_read_twice(tmp_path: Path):
    (tmp_path / "db" / "..2026").mkdir(parents=True)
    (tmp_path / "db" / "..2026" / "password").write_text("s3cr3t\n")
    (tmp_path / "db" / "..data").symlink_to("..2026")
    (tmp_path / "db" / "password").symlink_to("..data/password")

    found = Secrets({protocol.SECRETS_FOLDER: str(tmp_path)}, [])

    assert found.maskable == ["s3cr3t\n"]
    assert found.settings == {protocol.SECRETS_FOLDER: str(tmp_path)}


def test_what_is_not_looked_for_is_named(tmp_path: Path):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "dump").write_bytes(b"\xff" * 70_000)

    found = Secrets({"PIN": "123", "TOKEN": "1234", protocol.SECRETS_FOLDER: str(tmp_path)}, ["PIN", "TOKEN", "GONE"])

    assert found.maskable == ["1234"]
    assert found.unmasked.endswith(": PIN, db/dump]\n")
    assert "123]" not in found.unmasked


def test_both_sides_of_the_protocol_use_the_same_words():
    assert secret_references.VARIABLE_PREFIX == protocol.SECRET_ENV_PREFIX
    assert secret_references.FOLDER_VARIABLE == protocol.SECRETS_FOLDER
    assert secrets.RESERVED_NAMES == RESERVED_NAMES
    assert environment.OWN_PREFIXES == RESERVED_PREFIXES
