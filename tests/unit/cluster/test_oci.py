"""The archives that containerd and buildah import: every digest must be that of what it names."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.cluster import oci


def test_an_archive_holds_one_named_image_whose_digests_are_right(tmp_path: Path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(b"layer" * 1000)
    target = tmp_path / "image.tar"

    oci.write_archive(target, name="localhost/x:1", layer=layer, config={"Entrypoint": ["/x"]})

    with tarfile.open(target) as archive:
        content = {entry.name: _read(archive, entry) for entry in archive.getmembers()}
    for name, blob in content.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"
    (named,) = json.loads(content["index.json"])["manifests"]
    manifest = _blob(content, named)
    image = _blob(content, manifest["config"])
    assert named["annotations"]["io.containerd.image.name"] == "localhost/x:1"
    assert image["config"] == {"Entrypoint": ["/x"]}
    assert image["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert len(image["history"]) == 1
    assert content["blobs/" + manifest["layers"][0]["digest"].replace(":", "/")] == layer.read_bytes()


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    handle = archive.extractfile(entry)
    assert handle is not None
    return handle.read()


def _blob(content: dict[str, bytes], descriptor: dict[str, Any]) -> dict[str, Any]:
    blob = content["blobs/" + descriptor["digest"].replace(":", "/")]
    assert len(blob) == descriptor["size"]
    return dict(json.loads(blob))
