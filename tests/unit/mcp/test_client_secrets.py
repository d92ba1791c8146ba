from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from penstock.errors import Unavailable
from penstock_mcp.client_secrets import ClientSecrets

GOOD = base64.b64encode(b"s" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def secrets(folder: Path, text: str) -> ClientSecrets:
    path = folder / "clients.yaml"
    path.write_text(text)
    return ClientSecrets(path)


def test_clients_have_their_keys_and_others_have_none(tmp_path: Path):
    old_one = f"{{kid: k1, secret: {OTHER}, notAfter: 2026-12-01T00:00:00Z}}"
    read = secrets(tmp_path, f"web:\n- {{kid: k2, secret: {GOOD}}}\n- {old_one}\n")
    new, old = read("web")
    assert (new.kid, new.secret, new.not_after) == ("k2", b"s" * 32, None)
    assert (old.kid, old.not_after) == ("k1", datetime(2026, 12, 1, tzinfo=UTC))
    assert read("chat") == ()


def test_a_change_counts_at_once(tmp_path: Path):
    read = secrets(tmp_path, "")
    assert read("web") == ()
    secrets(tmp_path, f"web: [{{kid: k1, secret: {GOOD}}}]")
    assert len(read("web")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "web: [",
        "- web",
        "web: {}",
        "web: []",
        "web: [{kid: k1}]",
        "web: [{kid: k1, secret: c2hvcnQ=}]",
        "web: [{kid: k1, secret: '!!! not base64 !!!'}]",
        f"web: [{{kid: 'k;1', secret: {GOOD}}}]",
        f"web: [{{kid: k1, secret: {GOOD}, notAfter: 2026-12-01T00:00:00}}]",
        f"web: [{{kid: k1, secret: {GOOD}, not_after: 2026-12-01T00:00:00Z}}]",
        f"web: [{{kid: k1, secret: {GOOD}}}, {{kid: k1, secret: {OTHER}}}]",
        f"web: [{{kid: a, secret: {GOOD}}}, {{kid: b, secret: {GOOD}}}, {{kid: c, secret: {GOOD}}}]",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_file_that_is_wrong_is_never_taken_for_no_secrets(tmp_path: Path, text: str):
    with pytest.raises(Unavailable) as failed:
        secrets(tmp_path, text)("web")
    assert GOOD not in str(failed.value)


def test_a_file_that_is_gone_is_never_taken_for_no_secrets(tmp_path: Path):
    with pytest.raises(Unavailable):
        ClientSecrets(tmp_path / "none")("web")
