"""The machine's package-index settings, as a build sees them."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path

from tests.cluster import hostsettings


def test_variables_win_over_files(tmp_path: Path):
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://file.example.org/simple\nretries = 7\ncert = /somewhere/ca.pem\n"
    )
    found = hostsettings.pip_settings(
        {"PIP_INDEX_URL": "https://env.example.org/simple", "PIP_DEFAULT_TIMEOUT": "180", "HOME": "/x"}, tmp_path
    )
    assert found["index-url"] == "https://env.example.org/simple"
    assert found["retries"] == "7"
    assert found["timeout"] == "180"
    assert "cert" not in found


def test_folders_of_this_machine_are_not_offered_to_a_build(tmp_path: Path):
    found = hostsettings.pip_settings({"PIP_FIND_LINKS": "/opt/wheels https://links.example.org"}, tmp_path)
    assert found["find-links"] == "https://links.example.org"
    assert "find-links" not in hostsettings.pip_settings({"PIP_FIND_LINKS": "/opt/wheels"}, tmp_path)


def test_pip_reads_the_file_with_the_authorities_of_the_build():
    parser = configparser.RawConfigParser()
    parser.read_string(hostsettings.pip_conf({"extra-index-url": "https://a https://b", "timeout": "9"}))
    assert parser["global"]["cert"] == hostsettings.IMAGE_AUTHORITIES
    assert parser["global"]["extra-index-url"].split() == ["https://a", "https://b"]
    assert parser["global"]["timeout"] == "9"


def test_uv_takes_its_own_index_else_pips():
    pip = {"index-url": "https://pip.example.org/simple", "extra-index-url": "https://a https://b"}
    assert tomllib.loads(hostsettings.uv_toml({}, pip)) == {
        "native-tls": True,
        "index-url": "https://pip.example.org/simple",
        "extra-index-url": ["https://a", "https://b"],
    }
    own = tomllib.loads(hostsettings.uv_toml({"UV_DEFAULT_INDEX": "https://uv.example.org/simple"}, pip))
    assert own["index-url"] == "https://uv.example.org/simple"


def test_the_bundle_named_by_the_environment_is_used(tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert hostsettings.authorities({"SSL_CERT_FILE": str(bundle)}) == bundle
