"""Stand-ins for the public images that a runtime's Dockerfile takes its language from: `ARG NODE=…`, `ARG GO=…`.

Node.js comes from the package index, Go is this machine's own, without which there would be no cluster.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.programs import run

_HERE = Path(__file__).resolve().parent / "toolchains"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """An image with one language in it."""

    argument: str
    """Name of the `ARG`."""

    @property
    def image(self) -> str:
        """What it is called in buildah's storage."""
        return f"localhost/penstock-toolchain-{self.argument.lower()}:1"

    @property
    def dockerfile(self) -> Path:
        """How it is made."""
        return _HERE / f"{self.argument.lower()}.Dockerfile"

    def folder(self) -> Path:
        """What the Dockerfile copies from."""
        return Path(run(["go", "env", "GOROOT"]).strip()) if self.argument == "GO" else _HERE

    def key(self, base: str) -> str:
        """Changes with everything that it is made from."""
        version = run(["go", "version"]) if self.argument == "GO" else ""
        return hashlib.sha256(f"{base} {version} {self.dockerfile.read_text()}".encode()).hexdigest()[:12]


def used_by(dockerfile: Path) -> list[Toolchain]:
    """The toolchains whose images a Dockerfile names as arguments."""
    names = re.findall(r"^ARG (NODE|GO)=", dockerfile.read_text(), re.MULTILINE)
    return [Toolchain(name) for name in names]
