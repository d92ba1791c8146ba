"""Secrets of local mode, as files that a person writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from penstock.adapters.local.secret_folder import SecretFolder, SecretMissing
from penstock.api.v1alpha1.secrets import SecretUse


@pytest.fixture
def folder(tmp_path: Path) -> SecretFolder:
    file = tmp_path / "db.env"
    file.write_text(
        "# of the test database\nUSER=orders\nexport PASSWORD='a $HOME ${X} #1'\n"
        'tls.key="-----BEGIN-----\nabc\n-----END-----"\nEMPTY=\nBARE\n'
    )
    file.chmod(0o600)
    return SecretFolder(tmp_path)


def key(name: str, key: str, *, optional: bool = False) -> dict[str, object]:
    return {"name": "V", "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": optional}}}


def test_a_value_is_taken_as_it_is_written(folder: SecretFolder):
    assert folder.variables({"env": [key("db", "PASSWORD")]}) == {"V": "a $HOME ${X} #1"}
    assert folder.variables({"env": [key("db", "EMPTY")]}) == {"V": ""}


def test_a_whole_secret_comes_under_the_prefix_by_which_it_is_masked(folder: SecretFolder):
    found = folder.variables({"envFrom": [{"prefix": "DB_", "secretRef": {"name": "db"}}]})
    assert found["PENSTOCK_SECRET_ENV_DB_USER"] == "orders"
    assert sorted(found) == [f"PENSTOCK_SECRET_ENV_DB_{name}" for name in ("EMPTY", "PASSWORD", "USER", "tls.key")]


def test_files_hold_the_values_and_can_be_written_again(folder: SecretFolder, tmp_path: Path):
    place = tmp_path / "attempt"
    for _ in range(2):
        assert folder.write_files({"secrets": ["db"]}, place) == {"PENSTOCK_SECRETS": str(place)}
    assert (place / "db" / "tls.key").read_text() == "-----BEGIN-----\nabc\n-----END-----"
    assert folder.write_files({}, tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("name", "wanted"), [("mail", "PASSWORD"), ("db", "TOKEN"), ("db", "BARE")])
def test_what_is_missing_is_an_error_unless_it_is_optional(folder: SecretFolder, name: str, wanted: str):
    assert folder.variables({"env": [key(name, wanted, optional=True)]}) == {}
    with pytest.raises(SecretMissing, match=name):
        folder.variables({"env": [key(name, wanted)]})


def test_everything_that_is_missing_is_said_at_once(folder: SecretFolder, tmp_path: Path):
    uses = [
        SecretUse("", "mail", "HOST", optional=False),
        SecretUse("", "mail", "PASSWORD", optional=False),
        SecretUse("", "db", "TOKEN", optional=False),
        SecretUse("", "db", "USER", optional=False),
        SecretUse("", "chat", None, optional=True),
    ]
    with pytest.raises(SecretMissing) as raised:
        folder.check(uses)
    assert f"Secret mail is missing: there is no file {tmp_path}/mail.env" in str(raised.value)
    assert "Secret db has no key TOKEN" in str(raised.value)
    assert "chat" not in str(raised.value)
    assert f"Add TOKEN=… to {tmp_path}/db.env" in raised.value.hint


def test_the_command_that_it_names_makes_the_file(folder: SecretFolder, tmp_path: Path):
    use = [SecretUse("", "mail", "HOST", optional=False), SecretUse("", "mail", "PASSWORD", optional=False)]
    with pytest.raises(SecretMissing) as raised:
        folder.check(use)
    command = raised.value.hint.removeprefix("Make it: ").replace("…", "something")
    subprocess.run(["/bin/sh", "-c", command], check=True)
    folder.check(use)
    assert (tmp_path / "mail.env").stat().st_mode & 0o077 == 0


def test_a_file_that_others_can_read_is_warned_of_once(
    folder: SecretFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "db.env").chmod(0o644)
    for _ in range(2):
        folder.variables({"env": [key("db", "USER")]})
    [warning] = caplog.messages
    assert f"chmod 600 {tmp_path}/db.env" in warning
    assert "orders" not in warning
