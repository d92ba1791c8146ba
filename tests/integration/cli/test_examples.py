"""Every file of examples/ by `penstock run` on this machine, to the end that it declares."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from penstock.settings import process_environment
from tests.integration.cli.person import EXAMPLES, Person
from tests.integration.runtimes.languages import go_cache, interpreters_path, missing
from tests.support.examples import Example, all_examples
from tests.support.mail_server import mail_server

pytestmark = pytest.mark.timeout(300)

CONTAINER_TOOL = Path(__file__).parents[2] / "support" / "container_tool.py"
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "UV_")


@pytest.fixture
def developer(person: Person) -> Person:
    """Somebody with the languages installed, who reaches the package index as this machine does."""
    own = {name: value for name, value in process_environment().items() if name.startswith(_NETWORK)}
    return replace(person, more={**own, "PATH": interpreters_path()})


def run(person: Person, example: Example, context: dict[str, Any]) -> dict[str, Any]:
    """The status of a run of an example, at its end."""
    done = person.penstock(
        *("--local", "run", str(example.path), "--workflow", example.name),
        *("--context", json.dumps(context)),
        *(["--approve"] if example.approvedBy else []),
        seconds=240,
    )
    found = re.search(r"Run (default/[a-z0-9-]+)", done.stderr)
    assert found is not None, done.stderr
    status: dict[str, Any] = json.loads(person.penstock("get", found[1], "-o", "json").stdout)["status"]
    return status


def give_image(developer: Person, image: str) -> None:
    """A docker that has the image. It runs what is in a container as plain processes of this machine."""
    folder = developer.home / "tools"
    (folder / "images" / image).mkdir(parents=True, exist_ok=True)
    (folder / "images" / image / "user").write_text("")
    shutil.copy(CONTAINER_TOOL, folder / "docker")
    (folder / "docker").chmod(0o755)
    developer.more["PATH"] = f"{folder}{os.pathsep}{interpreters_path()}"


@pytest.mark.parametrize("example", all_examples(), ids=lambda example: example.path.stem)
def test_it_ends_as_it_declares(developer: Person, example: Example) -> None:
    lacking = sorted(filter(None, map(missing, example.runtimes)))
    if lacking:
        pytest.skip(f"not installed here: {', '.join(lacking)}")
    if "go" in example.runtimes:
        developer.more["GOCACHE"] = go_cache()
    for image in example.images:
        give_image(developer, image)
    for name, values in example.secrets.items():
        lines = [f"{key}='{value}'\n" for key, value in values.items()]
        developer.more["PENSTOCK_SECRETS_DIR"] = str(developer.home)
        developer.file(f"{name}.env", "".join(lines))
    assert example.seen(run(developer, example, example.context)) == example.declared()


def test_the_report_goes_out_by_mail_where_there_is_a_server(developer: Person) -> None:
    [example] = [one for one in all_examples() if one.name == "email-report"]
    with mail_server() as server:
        place = {"smtp_host": server.host, "smtp_port": server.port}
        status = run(developer, example, {**example.context, **place})
    assert (status["phase"], status["output"]["sent"]) == ("Succeeded", True)
    [(recipients, data)] = server.received
    message = message_from_bytes(data)
    assert (recipients, message["Subject"]) == (["team@example.com"], "Sales: 3 orders, 420 in all")
    assert message.get_payload().splitlines() == ["north: 150", "south: 270"]


def test_the_table_names_every_file_once() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[([a-z-]+\.yaml)\]\(\1\) \|", table, flags=re.MULTILINE)
    assert sorted(named) == [path.name for path in sorted(Path(EXAMPLES).glob("*.yaml"))]
