"""What containerd's own tool prints."""

from __future__ import annotations

from tests.cluster.runtime import listed_digest, pinned

LISTING = """\
REF                            TYPE                                       DIGEST         SIZE     PLATFORMS   LABELS
localhost/penstock-mcp:test2   application/vnd.oci.image.manifest.v1+json sha256:0000    1.0 MiB  linux/amd64 -
localhost/penstock-mcp:test    application/vnd.oci.image.manifest.v1+json sha256:1111    1.0 MiB  linux/amd64 -
"""


def test_the_digest_of_exactly_that_image():
    assert listed_digest(LISTING, "localhost/penstock-mcp:test") == "sha256:1111"


def test_an_image_is_pinned_by_digest_instead_of_its_tag():
    assert pinned("localhost:5000/penstock-mcp:test", "sha256:1111") == "localhost:5000/penstock-mcp@sha256:1111"
