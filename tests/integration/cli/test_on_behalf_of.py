"""Who asked for a run, told to a shop with roles of its own: the real command, the real shop, a key of this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from examples.ask.demo import OFFER, ROOT, prepare
from tests.integration.cli.person import Person
from tests.support.web import serving

FILE = """\
apiVersion: penstock.dev/v1alpha1
kind: Connection
metadata: {{name: shop}}
spec:
  type: json-api
  url: {url}/api
  auth: {{onBehalfOf: {{}}}}
---
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {{name: orders}}
spec:
  steps:
    - name: list
      http: {{connection: shop, path: /Order}}
      cache: {{ttl: 1h}}
"""
PEOPLE = {"ann": {"name": "sales"}, "nora": {"name": "north", "region": "north"}}


@pytest.fixture
def shop(person: Person) -> Iterator[str]:
    """Address of a shop that takes assertions of this machine's Penstock, and no token."""
    keys = person.file("jwks.json", person.penstock("--local", "jwks").stdout)
    people, tokens = person.file("people.json", json.dumps(PEOPLE)), person.file("tokens.json", "{}")
    words = ("--port", "0", "--assertions", keys, "--people", people, "--tokens", tokens)
    with subprocess.Popen(
        (sys.executable, "-m", "examples.shop", *words), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def orders(person: Person, user: str, file: str) -> tuple[int, list[str], str]:
    """How the run ended for this user, the ids of the orders it got, everything that was said."""
    person.more["LOGNAME"] = user
    done = person.penstock("--local", "run", file, "-o", "json")
    answer = json.loads(done.stdout)
    rows = answer["output"]["body"]["data"] if done.returncode == 0 else []
    return done.returncode, [row["id"] for row in rows], done.stdout + done.stderr


def test_a_user_whose_role_sees_two_of_five_rows_gets_two(person: Person, shop: str):
    file = person.file("orders.yaml", FILE.format(url=shop))

    assert orders(person, "ann", file)[1] == ["1", "2", "3", "4", "5"]
    # Not from the cache, which holds another person's rows.
    code, rows, said = orders(person, "nora", file)
    assert (code, rows) == (0, ["1", "2"]), said
    code, _, said = orders(person, "mallory", file)
    assert code == 1
    assert "401" in said


def test_the_plan_of_a_sentence_sees_what_whoever_asked_sees(person: Person, shop: str):
    """The run that the plan becomes is asked for by the same person, and by nobody's token."""
    words = prepare(person.home, shop, token="no-token-of-the-shop")
    path = Path(words[-1])
    documents = list(yaml.safe_load_all(path.read_text()))
    [called] = [each for each in documents if each["metadata"]["name"] == "shop"]
    called["spec"]["auth"] = {"onBehalfOf": {}}
    path.write_text(yaml.safe_dump_all(documents))
    seen = {}
    for user in ("ann", "nora"):
        person.more["LOGNAME"] = user
        done = person.penstock(*words, "--approve", "-o", "json", "--set", f"prompt={OFFER}", seconds=100)
        assert done.returncode == 0, done.stderr
        steps = json.loads(done.stdout)["output"]
        seen[user] = [row["attributes"]["id"] for row in steps["orders"]["output"]["rows"]]
        assert len(steps["emails"]["output"]) == len(seen[user])
    assert seen == {"ann": [1, 2, 3, 4], "nora": [1, 2]}


def test_an_assertion_is_seen_by_nobody_and_good_for_nobody_else(person: Person, shop: str):
    with serving() as thief:
        thief.echo("GET", "/api/Order")
        file = person.file("orders.yaml", FILE.format(url=thief.url).replace("cache: {ttl: 1h}", "timeout: 60s"))
        code, _, said = orders_of_echo(person, file)
        assert code == 0, said
        token = thief.requests[0].headers["authorization"].removeprefix("Bearer ")
        assert token.count(".") == 2
        assert '"authorization": "Bearer ***"' in said
        assert token not in said
    # Whoever gets it by a Connection of his own cannot go to the shop with it: it is for his own address.
    import httpx2

    assert httpx2.get(f"{shop}/api/Order", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    found = [file for file in Path(person.home).rglob("*") if file.is_file() and token.encode() in file.read_bytes()]
    assert found == []


def orders_of_echo(person: Person, file: str) -> tuple[int, list[str], str]:
    person.more["LOGNAME"] = "ann"
    done = person.penstock("--local", "run", file, "-o", "json")
    return done.returncode, [], done.stdout + done.stderr


def test_the_key_is_the_persons_own(person: Person):
    published = json.loads(person.penstock("--local", "jwks").stdout)
    assert published == json.loads(person.penstock("--local", "jwks").stdout)
    [key] = published["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")
    assert "d" not in key
    file = person.home / "data" / "keys" / "assertions.pem"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("{onBehalfOf: {}, secretRef: {name: a, key: b}}", "exactly one of `secretRef` and `onBehalfOf`"),
        ("{onBehalfOf: {lifetime: 2h}}", "between 30s and 1h"),
        ("{onBehalfOf: {}, scheme: basic}", "no user and password"),
        ("{onBehalfOf: {audience: https://other.example}}", "audience"),
        ("{}", "exactly one of `secretRef` and `onBehalfOf`"),
    ],
)
def test_mistakes_are_told(person: Person, auth: str, says: str):
    text = FILE.format(url="http://shop.example").replace("{onBehalfOf: {}}", auth)
    done = person.penstock("--local", "validate", person.file("orders.yaml", text))
    assert done.returncode == 2
    assert says in re.sub(r"\s+", " ", done.stdout)
