"""Rules of what `penstock import sql` writes, while others write the same row: they hold for all of them together."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.imported import Imported, execute
from tests.integration.cli.person import ROOT

WRITERS = 2
TRIES = 12
"""Of each writer."""
STOCK = 15
"""More than one of them takes, and less than all of them want."""
WRITER = """
import json, sys
from penstock_runtimes.steps import calling
from penstock_runtimes.steps.calling import CallFailed

given = json.load(sys.stdin)
print("ready", flush=True)
while not __import__("pathlib").Path(given["start"]).exists():
    pass
for _ in range(given["tries"]):
    try:
        calling.perform(given["program"], None, "")
        print("taken")
    except CallFailed as failed:
        print(failed.code)
"""


def raced(program: dict[str, Any], start: Path) -> list[str]:
    """What processes of their own came to, each as often as it tried; all begin at once."""
    given = json.dumps({"program": program, "tries": TRIES, "start": str(start)})
    with ExitStack() as stack:
        writers = [stack.enter_context(_writer()) for _ in range(WRITERS)]
        for each in writers:
            assert each.stdin is not None
            assert each.stdout is not None
            each.stdin.write(given)
            each.stdin.close()
            assert each.stdout.readline() == "ready\n"
        start.touch()
        return [word for each in writers if each.stdout is not None for word in each.stdout.read().split()]


def _writer() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER],
        env={"PYTHONPATH": str(ROOT / "runtimes_images")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(120, func_only=True)
async def test_no_more_is_taken_than_there_is_and_none_of_it_is_lost(tmp_path: Path):
    """Each takes one of what the row says to be left. Reading before another has written would take the same one."""
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(
        url,
        "CREATE TABLE articles (id INTEGER PRIMARY KEY, stock INTEGER NOT NULL, taken INTEGER NOT NULL, note TEXT)",
        f"INSERT INTO articles VALUES (1, {STOCK}, 0, '')",
    )
    shop = Imported(url)
    rules = shop.workflows["shop-articles-update"]["spec"]["steps"][0]["sql"]["rules"]
    rules["set"] |= {"stock": "before.stock - 1", "taken": "before.taken + 1"}
    rules["checks"].append({"check": "row.stock >= 0", "message": "nothing is left"})

    said = raced(await shop.program("articles-update", id=1, note="one of it"), tmp_path / "start")

    assert len(said) == WRITERS * TRIES
    assert said.count("taken") == STOCK
    assert said.count("RULE_BROKEN") == WRITERS * TRIES - STOCK
    assert execute(url, "SELECT stock, taken FROM articles") == [(0, STOCK)]
