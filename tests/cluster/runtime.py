"""containerd's side: what an earlier life left behind, and the images of this one."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.layout import Layout
from tests.cluster.programs import run, succeeds


class Runtime:
    """Calls `ctr` in the namespace that the kubelet uses."""

    def __init__(self, layout: Layout) -> None:
        self._ctr = (str(layout.bin / "ctr"), "--address", str(layout.containerd_socket), "--namespace", "k8s.io")

    def answers(self) -> bool:
        """Whether containerd takes requests."""
        return succeeds([*self._ctr, "version"], timeout=3)

    def purge(self) -> bool:
        """Forget the containers and sandboxes of an earlier life; whether there were any.

        Their processes ended with it. containerd's Kubernetes plugin has read them at its start, so it has to be
        started again after this.
        """
        found = False
        for kind in ("containers", "sandboxes"):
            names = run([*self._ctr, kind, "list", "--quiet"]).split() if kind == "containers" else self._sandboxes()
            if names:
                found = True
                run([*self._ctr, kind, "remove", *names])
        return found

    def _sandboxes(self) -> list[str]:
        lines = run([*self._ctr, "sandboxes", "list"]).splitlines()[1:]
        return [line.split()[0] for line in lines if line.strip()]

    def has_image(self, name: str) -> bool:
        """Whether an image of exactly this name is loaded."""
        return name in run([*self._ctr, "images", "list", "--quiet", f"name=={name}"]).split()

    def load(self, archive: Path, name: str) -> str:
        """Import an OCI archive and return the image's digest (`sha256:...`).

        The image is also known as `repository@digest` afterwards, for pods that pin what they run.
        """
        run([*self._ctr, "images", "import", "--local", archive])
        digest = listed_digest(run([*self._ctr, "images", "list", f"name=={name}"]), name)
        run([*self._ctr, "images", "tag", "--local", "--force", name, pinned(name, digest)])
        return digest


def listed_digest(listing: str, name: str) -> str:
    """The digest of an image in what `ctr images list` prints."""
    line = next(line for line in listing.splitlines() if line.split()[:1] == [name])
    return next(word for word in line.split() if word.startswith("sha256:"))


def pinned(name: str, digest: str) -> str:
    """The image by digest instead of by tag."""
    return f"{name.rpartition(':')[0]}@{digest}"
