"""`penstock schedule`: what is stored, what is said, and that it goes on until somebody ends it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from penstock.cli.scheduling import keep_schedules
from tests.unit.cli.stage import World

FILE = """
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: report}
spec:
  steps: [{name: a, script: {runtime: bash, source: "true"}}]
  schedules: [{name: nightly, cron: "0 3 * * *", timeZone: Europe/Berlin}]
"""


async def kept(world: World, *files: str) -> None:
    """The command, ended once it has said all that it has to say by itself."""
    task = asyncio.create_task(keep_schedules(world.call(), files))
    while "Ctrl-C" not in world.terminal.said:
        assert not task.done(), task.exception()
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_files_are_stored_and_what_starts_when_is_listed(tmp_path: Path):
    path = tmp_path / "report.yaml"
    path.write_text(FILE)
    world = World()
    await kept(world, str(path))
    (workflow,) = world.workflows.items.values()
    assert workflow.metadata.name == "report"
    header, row = world.terminal.printed.splitlines()[-2:]
    assert header.split("  ")[0] == "WORKFLOW"
    assert "default/report" in row
    assert "2026-01-03 02:00 UTC, in 14h" in row


async def test_what_happens_is_told():
    world = World()
    await kept(world)
    world.tell("default/report: Run report-1 was started")
    assert "Run report-1 was started" in world.terminal.printed
    assert "No Workflow here has a schedule yet" in world.terminal.said


def test_in_a_cluster_the_operator_does_it():
    world = World(local=False, environment={"mode": "cluster"})
    assert world.penstock("schedule") == 1
    assert "the operator starts the runs of schedules" in world.terminal.said
