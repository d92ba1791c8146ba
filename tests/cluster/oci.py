"""Writes a one-layer image as an OCI archive: what a registry would hold, in one tar file."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = 2
"""Part of the cache keys: raise it when the same content is written differently."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_archive(target: Path, *, name: str, layer: Path, config: Mapping[str, Any]) -> None:
    """Write an image called `name`, whose one layer is the uncompressed tar file `layer`, to `target`.

    `config` is the image's `config` object: Entrypoint, Env, and so on.
    """
    architecture = _MACHINES.get(platform.machine(), platform.machine())
    layer_digest = _digest_of(layer)
    image = _encoded(
        {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            # Without an entry for each layer buildah cannot build on the image.
            "history": [{"created_by": "penstock test cluster"}],
        }
    )
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", image),
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": layer_digest,
                    "size": layer.stat().st_size,
                }
            ],
        }
    )
    named = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    named["platform"] = {"architecture": architecture, "os": "linux"}
    named["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    fresh = target.with_name(f".{target.name}.new")
    with tarfile.open(fresh, "w") as archive:
        _add(archive, "oci-layout", _encoded({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _encoded({"schemaVersion": 2, "manifests": [named]}))
        for blob in (image, manifest):
            _add(archive, _blob_path(_digest(blob)), blob)
        archive.add(layer, _blob_path(layer_digest), filter=_anonymous)
    fresh.replace(target)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _digest_of(file: Path) -> str:
    with file.open("rb") as handle:
        return f"sha256:{hashlib.file_digest(handle, 'sha256').hexdigest()}"


def _blob_path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry
