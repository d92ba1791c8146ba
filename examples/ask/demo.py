"""The shop and the Workflow `ask` put together, as a test and a person at a laptop need them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("ask.yaml")
OFFER = (
    "List the orders whose date_shipped is null and created before 2023-07-14, and send a discount email "
    "(subject: 'Discount Offer') to the customer for each one."
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model to ask in place of recorded answers."""

    provider: str
    name: str
    url: str | None = None
    key: str | None = None


@contextmanager
def serving_shop(database: str = "sqlite://") -> Iterator[str]:
    """The shop as a program of its own; its address."""
    command = [sys.executable, "-m", "examples.shop", "--port", "0", "--database", database]
    # In a session of its own, so that Ctrl-C at the gate is not meant for it.
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as shop:
        assert shop.stdout is not None
        try:
            said = shop.stdout.readline()
            if "http://" not in said:
                raise RuntimeError("the shop did not start")
            yield said.split()[-1]
        finally:
            shop.terminate()


def prepare(folder: Path, address: str, *, token: str, model: Model | None = None) -> tuple[str, ...]:
    """Write the file and its Secrets for a shop at an address; the words of `penstock` that run it."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    _write_secret(secrets / "shop.env", token)
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))
    connections = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Connection"}
    connections["shop"]["spec"]["url"] = f"{address}/api"
    if model is not None:
        spec: dict[str, Any] = {"type": "llm", "provider": model.provider, "model": model.name}
        if model.url is not None:
            spec["url"] = model.url
        if model.key is not None:
            _write_secret(secrets / "model.env", model.key)
            spec["auth"] = {"secretRef": {"name": "model", "key": "token"}}
        connections["model"]["spec"] = spec
    path = folder / "ask.yaml"
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
    return ("--local", "--secrets-dir", str(secrets), "run", str(path))


def _write_secret(path: Path, token: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"token='{token}'\n", encoding="utf-8")
