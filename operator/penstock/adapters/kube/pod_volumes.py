"""What is mounted into the pod of an attempt: as little as the step needs. Pure.

Any volume costs the kubelet a fifth of a second and more before it starts the container, so most steps have none:
a small input document is a variable of the environment, and what the step writes stays in `/dev/shm`, the 64 MiB
of memory that every pod has. Steps that need more than that get a disk mounted there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.adapters.kube.documents import InputDocument

IN = "/penstock/in"
WRITABLE = "/dev/shm"  # noqa: S108 - the pod's own; `/tmp` of the runtime images leads there
WORK = f"{WRITABLE}/work"
TMP = "/tmp"  # noqa: S108 - the one folder that a program in an image of somebody's can write to
CA_FILE = "/penstock/ca/ca.crt"
SECRETS = "/penstock/secrets"

_CA_KEY = "ca.crt"
_INLINE_METADATA = "# /// script"
_DISK_SIZE = "1Gi"
"""Of a disk that a step did not ask for in so many words."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume and where it is seen."""

    name: str
    source: Mapping[str, Any]
    path: str
    read_only: bool = True

    def volume(self) -> dict[str, Any]:
        """For the pod."""
        return {"name": self.name, **self.source}

    def mount(self) -> dict[str, Any]:
        """For its container."""
        return {"name": self.name, "mountPath": self.path, **({"readOnly": True} if self.read_only else {})}


def volumes(
    name: str, program: Mapping[str, Any], document: InputDocument, ca_bundle: str, in_memory: frozenset[str]
) -> list[Volume]:
    """The volumes of the attempt called `name`; `in_memory` are the runtimes whose steps need no disk by nature."""
    found = []
    if document.parts:
        found.append(Volume("in", _parts(name, document), IN))
    size = _disk(program, in_memory)
    if size is not None:
        path = TMP if _is_foreign(program) else WRITABLE
        found.append(Volume("work", {"emptyDir": {"sizeLimit": size}}, path, read_only=False))
    if ca_bundle:
        source = {"configMap": {"name": ca_bundle, "items": [{"key": _CA_KEY, "path": _CA_KEY}]}}
        found.append(Volume("ca", source, CA_FILE.rpartition("/")[0]))
    for number, secret in enumerate(program.get("secrets", ())):
        # One volume each: a projection of several could not tell their keys apart.
        found.append(Volume(f"secret-{number}", {"secret": {"secretName": secret}}, f"{SECRETS}/{secret}"))
    return found


def part_name(name: str, number: int) -> str:
    """Name of the ConfigMap with one part of an attempt's document."""
    return f"{name}-in-{number:03d}"


def part_file(number: int) -> str:
    """Key of the part in its ConfigMap, and name of its file."""
    return f"part-{number:03d}"


def _disk(program: Mapping[str, Any], in_memory: frozenset[str]) -> str | None:
    """How much disk the step's work folder gets; None where memory will do.

    Memory is small, and on some nodes nothing in it can be executed: not what a compiler made, and not the shared
    libraries of a dependency.
    """
    asked = program.get("resources", {})
    for kind in ("limits", "requests"):
        size: str | None = (asked.get(kind) or {}).get("ephemeral-storage")
        if size:
            return size
    installs = program.get("dependencies") or _INLINE_METADATA in program.get("source", "")
    small = program.get("runtime") in in_memory and not _is_foreign(program)
    return _DISK_SIZE if installs or not small else None


def _is_foreign(program: Mapping[str, Any]) -> bool:
    """It runs in an image of somebody's, which does not know of the folder that ours write to."""
    return bool(program.get("kind") == "container")


def _parts(name: str, document: InputDocument) -> dict[str, Any]:
    sources = [
        {"configMap": {"name": part_name(name, number), "items": [{"key": file, "path": file}]}}
        for number, file in enumerate(map(part_file, range(len(document.parts))))
    ]
    return {"projected": {"sources": sources}}
