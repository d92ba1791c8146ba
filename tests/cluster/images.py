"""The two images that need no registry: `pause`, which holds a pod together, and the base of the project's own.

Both are OCI archives in the cache, named by a digest of what they are made from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import oci, packages
from tests.cluster.documents import PAUSE_IMAGE
from tests.cluster.layout import Layout
from tests.cluster.programs import ClusterError, run, step

BASE_IMAGE = "localhost/penstock-base:1"
# What the public python:3.11-slim image has and the project's Dockerfiles lean on. Not python3-minimal, which
# lacks whole modules of the standard library.
BASE_PACKAGES = ("bash", "ca-certificates", "procps", "python3", "python3-pip", "python3-venv")

_PAUSE_SOURCE = """\
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void on_signal(int number) { if (number != SIGCHLD) _exit(0); while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) {
  signal(SIGTERM, on_signal); signal(SIGINT, on_signal); signal(SIGCHLD, on_signal);
  for (;;) pause();
}
"""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where this machine gets its Debian packages from."""

    suite: str
    address: str
    components: str


def pause_archive(layout: Layout) -> Path:
    """The archive of the pause image; compiled when the cache lacks it."""
    target = _cached(layout, "pause", _PAUSE_SOURCE)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        run(["gcc", "-static", "-Os", "-s", "-x", "c", "-o", folder / "pause", "-"], stdin=_PAUSE_SOURCE)
        run(["tar", "--numeric-owner", "-cf", folder / "layer.tar", "-C", folder, "pause"])
        config = {"Entrypoint": ["/pause"], "User": "65535:65535"}
        oci.write_archive(target, name=PAUSE_IMAGE, layer=folder / "layer.tar", config=config)
    return target


def base_archive(layout: Layout) -> Path:
    """The archive of the base image; made by debootstrap, in about a minute, when the cache lacks it.

    Raises ClusterError where the machine's apt names no mirror of its own release.
    """
    mirror = machine_mirror()
    target = _cached(layout, "base", repr((mirror, BASE_PACKAGES, _PREPARATION)))
    if target.exists():
        return target
    packages.ensure(packages.TO_BUILD_IMAGES)
    target.parent.mkdir(parents=True, exist_ok=True)
    with step(f"making {BASE_IMAGE} (about a minute)"), tempfile.TemporaryDirectory(dir=target.parent) as name:
        root = Path(name) / "root"
        options = ["--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", f"--components={mirror.components}"]
        env = {**os.environ, **_apt_proxies()}
        run(["debootstrap", *options, mirror.suite, root, mirror.address], env=env)
        run(["sh", "-eu", "-c", _PREPARATION, root])
        layer = Path(name) / "layer.tar"
        run(["tar", "--numeric-owner", "--one-file-system", "-cf", layer, "-C", root, "."])
        config = {
            "Cmd": ["bash"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
        }
        oci.write_archive(target, name=BASE_IMAGE, layer=layer, config=config)
    return target


# In the public image `python` exists and `pip install` may write to the system's site-packages.
_PREPARATION = """\
ln -s /usr/bin/python3 "$0/usr/local/bin/python"
rm -f "$0"/usr/lib/python3*/EXTERNALLY-MANAGED
rm -rf "$0"/var/cache/apt/* "$0"/var/lib/apt/lists/* "$0"/usr/share/doc/* "$0"/usr/share/man/* "$0"/debootstrap
rm -rf "$0"/usr/share/locale/* "$0"/var/log/*.log "$0"/var/log/apt
"""


def machine_mirror(apt: Path = Path("/etc/apt"), os_release: Path = Path("/etc/os-release")) -> Mirror:
    """The mirror of this machine's own release that its apt uses. Raises ClusterError when it names none."""
    found = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", os_release.read_text(), re.MULTILINE)
    suite = found[1] if found else ""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for file in files:
        if file.is_file():
            text = file.read_text()
            entries = _stanzas(text) if file.suffix == ".sources" else _lines(text)
            for address, suites, components in entries:
                if suite in suites and "main" in components:
                    return Mirror(suite, address, ",".join(components))
    raise ClusterError(f"{apt} names no mirror of {suite or 'this release'}, so the base image cannot be made")


def _stanzas(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", paragraph, re.MULTILINE))
        if fields.get("Enabled", "yes") != "no" and "deb" in fields.get("Types", "").split():
            for address in fields.get("URIs", "").split():
                yield address, fields.get("Suites", "").split(), fields.get("Components", "").split()


def _lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for line in text.splitlines():
        words = re.sub(r"\[.*?\]", "", line.partition("#")[0]).split()
        if len(words) > 3 and words[0] == "deb":
            yield words[1], [words[2]], words[3:]


def _apt_proxies() -> dict[str, str]:
    if shutil.which("apt-config") is None:
        return {}
    setting = run(["apt-config", "dump", "--format", "%f=%v%n", "Acquire::http::Proxy"]).strip()
    proxy = setting.partition("=")[2]
    return {"http_proxy": proxy} if proxy and proxy != "DIRECT" else {}


def _cached(layout: Layout, name: str, made_from: str) -> Path:
    digest = hashlib.sha256(f"{oci.FORMAT} {made_from}".encode()).hexdigest()[:12]
    return layout.cache / "images" / f"{name}-{digest}.tar"
