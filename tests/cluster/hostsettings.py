"""How this machine reaches the package index, in a form that a build can use without keeping it.

A build gets the machine's certificate authorities and index settings as files mounted for its duration. Nothing of
them is committed to an image or to this repository.
"""

from __future__ import annotations

import configparser
import json
import ssl
from collections.abc import Mapping
from pathlib import Path

IMAGE_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_AUTHORITIES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
_LISTS = frozenset({"find-links", "extra-index-url", "trusted-host"})
_PIP_FILES = (Path("/etc/pip.conf"), Path(".config/pip/pip.conf"), Path(".pip/pip.conf"))
# Settings that make sense in another file system; anything else (cache folders, prefixes) stays at home.
_PIP_WANTED = ("index-url", "extra-index-url", "trusted-host", "find-links", "timeout", "retries", "no-index", "proxy")
_UV_WANTED = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
    "UV_INDEX": "extra-index-url",
}


def authorities(environ: Mapping[str, str]) -> Path | None:
    """The machine's bundle of certificate authorities, or None where it is not a single file."""
    named = environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    candidates = ([Path(named)] if named else []) + list(_AUTHORITIES)
    return next((path for path in candidates if path.is_file()), None)


def pip_settings(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The machine's settings for pip: its files, and over them the PIP_ variables."""
    settings: dict[str, str] = {}
    for file in _PIP_FILES:
        parser = configparser.RawConfigParser()
        parser.read(home / file)
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    for name, value in environ.items():
        if name.startswith("PIP_"):
            settings[name[4:].lower().replace("_", "-").replace("default-timeout", "timeout")] = value
    kept = {name: settings[name] for name in _PIP_WANTED if settings.get(name)}
    links = [link for link in kept.pop("find-links", "").split() if "://" in link]  # folders stay at home
    return kept | ({"find-links": " ".join(links)} if links else {})


def pip_conf(settings: Mapping[str, str]) -> str:
    """A pip.conf with these settings and the mounted authorities."""
    rows = [f"{name} = {_indented(name, value)}" for name, value in sorted(settings.items())]
    return "\n".join(["[global]", f"cert = {IMAGE_AUTHORITIES}", *rows]) + "\n"


def uv_toml(environ: Mapping[str, str], pip: Mapping[str, str]) -> str:
    """A uv.toml with the machine's index, from uv's variables or else pip's, and the mounted authorities."""
    settings: dict[str, str] = {name: pip[name] for name in ("index-url", "extra-index-url") if name in pip}
    for variable, name in _UV_WANTED.items():
        if environ.get(variable):
            settings[name] = environ[variable]
    rows = ["native-tls = true"]
    if "index-url" in settings:
        rows.append(f"index-url = {json.dumps(settings['index-url'])}")
    if "extra-index-url" in settings:
        rows.append(f"extra-index-url = {json.dumps(settings['extra-index-url'].split())}")
    return "\n".join(rows) + "\n"


def _indented(name: str, value: str) -> str:
    return "\n    ".join(value.split()) if name in _LISTS else value
