"""Where the base image's packages come from: the machine's own apt configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.programs import ClusterError

STANZAS = """\
Types: deb deb-src
URIs: http://mirror.example.org/security
Suites: bookworm-security
Components: main

# a comment
Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def mirror(apt: Path) -> images.Mirror:
    return images.machine_mirror(apt, apt / "os-release")


def test_the_stanza_of_the_machines_release_is_taken_not_that_of_its_updates(apt: Path):
    (apt / "sources.list.d" / "debian.sources").write_text(STANZAS)
    assert mirror(apt) == images.Mirror("bookworm", "http://mirror.example.org/debian", "main,contrib")


def test_one_line_entries_with_options_are_understood(apt: Path):
    (apt / "sources.list").write_text(
        "# deb http://old.example.org/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example.org/debian bookworm main # ours\n"
    )
    assert mirror(apt) == images.Mirror("bookworm", "http://mirror.example.org/debian", "main")


def test_a_switched_off_stanza_is_no_mirror(apt: Path):
    (apt / "sources.list.d" / "debian.sources").write_text("Enabled: no\n" + STANZAS.split("\n\n")[1])
    with pytest.raises(ClusterError, match="names no mirror of bookworm"):
        mirror(apt)


def test_third_party_repositories_are_no_mirror(apt: Path):
    (apt / "sources.list.d" / "node.list").write_text("deb https://deb.example.org/node_20.x nodistro main\n")
    with pytest.raises(ClusterError, match="names no mirror of bookworm"):
        mirror(apt)
