from __future__ import annotations

import json

import pytest

from penstock.application.api_keys import find_key, readable
from penstock.ports.access import Key
from tests.unit.cli.stage import World

SECRET = Key("penstock-system", "penstock-api-keys")


@pytest.fixture
def world() -> World:
    return World(environment={"mode": "cluster"}, local=False)


def test_a_key_is_shown_once_and_only_its_hash_is_kept(world: World):
    assert world.penstock("apikey", "create", "--owner", "robot:ci", "--scope", "runs:write", "--note", "CI") == 0
    text = world.terminal.printed.strip()
    (record,) = world.records[SECRET].kept.values()
    assert text not in record.decode()
    assert text.rpartition("_")[2] not in record.decode()
    keys, broken = readable(world.records[SECRET].kept)
    found = find_key(text, keys)
    assert not broken
    assert found is not None
    assert (found.owner, found.scopes, found.created_by, found.note) == (
        "robot:ci",
        ("runs:read", "runs:write"),
        "bob",
        "CI",
    )


def test_programs_get_the_key_with_all_that_is_known_of_it(world: World):
    assert world.penstock("apikey", "create", "--owner", "robot:ci", "--days", "7", "-o", "json") == 0
    made = json.loads(world.terminal.printed)
    assert made["key"].startswith("pstk_")
    assert made["client"] == f"apikey:{made['id']}"
    assert "sha256" not in made


def test_keys_are_listed_without_their_hashes_and_revoked(world: World):
    world.penstock("apikey", "create", "--owner", "robot:ci", "-o", "json")
    made = json.loads(world.terminal.printed)
    listing = World(environment={"mode": "cluster"}, local=False)
    listing.records = world.records
    assert listing.penstock("apikey", "list") == 0
    assert "robot:ci" in listing.terminal.printed
    assert made["key"] not in listing.terminal.printed
    assert listing.penstock("apikey", "revoke", made["id"]) == 0
    assert world.records[SECRET].kept == {}


def test_a_record_that_nobody_can_read_hides_no_other(world: World):
    world.penstock("apikey", "create", "--owner", "robot:ci")
    world.records[SECRET].kept["bad"] = b"{"
    assert world.penstock("apikey", "list") == 0
    assert "robot:ci" in world.terminal.printed
    assert "bad" in world.terminal.said


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--owner", "robot:ci", "--scope", "approvals:decide"), "people decide"),
        (("--owner", "robot:ci", "--scope", "everything"), "everything"),
        (("--owner", "system:admin"), "system:admin"),
        (("--owner", "robot:ci", "--group", "system:masters"), "system:masters"),
        (("--owner", "robot:ci", "--days", "0"), "0 days"),
        (("--owner", "robot:ci", "--days", "367"), "367 days"),
    ],
)
def test_what_no_key_can_have_is_refused(world: World, options: tuple[str, ...], word: str):
    assert world.penstock("apikey", "create", *options) == 2
    assert word in world.terminal.said
    assert not any(records.kept for records in world.records.values())


def test_on_one_machine_there_is_nothing_to_give_keys_for():
    world = World()
    assert world.penstock("apikey", "list") != 0
    assert "one person" in world.terminal.said


def test_another_installation_can_be_named(world: World):
    assert world.penstock("apikey", "create", "--owner", "robot:ci", "--installation", "flows") == 0
    assert list(world.records) == [Key("flows", "penstock-api-keys")]
