"""`penstock schedule` and `penstock mcp`, the real commands: a run that was due starts while one of them runs."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import HarnessSettings
from penstock.api.v1alpha1.workflow import ScheduleStatus, WorkflowStatus
from penstock.ports.access import Key
from tests.integration.cli.person import Person, until
from tests.integration.local.assembly import SystemClock

REPORT = """
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: report}
spec:
  steps: [{name: work, script: {runtime: bash, source: "output done"}}]
  schedules: [{name: hourly, cron: "0 * * * *"}]
"""


def runs(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(person.penstock("list", "-o", "json").stdout)["items"]
    return found


def ended(person: Person) -> bool:
    found = runs(person)
    return bool(found) and all(run["status"]["phase"] == "Succeeded" for run in found)


async def overdue(person: Person) -> None:
    """The next run of the stored Workflow is due since a moment ago, as if this machine had just been woken."""
    harness = HarnessSettings(command=("true",), inherited={}, secrets=person.home)
    backend = LocalBackend(DataDirectory(person.home / "data"), "me", SystemClock(), lambda: "x", harness)
    try:
        workflow = await backend.workflows.load(Key("default", "report"))
        assert workflow is not None
        now = datetime.now(UTC)  # noqa: TID251  the commands of this test go by the real time
        due = now.replace(minute=0, second=0, microsecond=0)
        entry = ScheduleStatus(name="hourly", cron="0 * * * *", time_zone="UTC", next_at=due)
        await backend.workflows.save_status(workflow, WorkflowStatus(next_at=due, schedules=(entry,)))
    finally:
        await backend.close()


def started(person: Person, *arguments: str) -> subprocess.Popen[str]:
    """A command with somebody at its standard input, without whom the MCP server would end."""
    pipe = subprocess.PIPE
    words = [sys.executable, "-m", "penstock.cli.main", *arguments]
    return subprocess.Popen(
        words, env=person.environment, cwd=person.home, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


@pytest.mark.parametrize("command", ["schedule", "mcp"])
def test_a_run_that_is_due_is_started_and_driven(person: Person, command: str):
    stored = person.penstock("submit", person.file("report.yaml", REPORT))
    assert stored.returncode == 0, stored.stderr
    until(lambda: ended(person), "the first run ends")
    asyncio.run(overdue(person))

    server = started(person, "--local", command)
    try:
        until(lambda: len(runs(person)) == 2 and ended(person), "the run that was due ends")
    finally:
        server.send_signal(signal.SIGTERM)
        said = server.communicate(timeout=20)

    assert "was started for" in "".join(said)
    if command == "schedule":
        assert server.returncode == 128 + signal.SIGTERM
        assert "default/report" in said[0]
        assert "hourly" in said[0]
