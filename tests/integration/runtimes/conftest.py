"""The harness as it runs in a pod: a process of its own, read as the operator reads its log."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from penstock.engine.result_records import Event, LogChunk, Progress, RecordParser, ResultRecord
from penstock_runtimes import harness_command
from tests.integration.runtimes.languages import go_cache, interpreters_path

NONCE = "0123456789abcdef"
SECONDS = 60


def a_document(runtime: str, source: str, **fields: Any) -> bytes:
    """An input document."""
    document = {
        "version": 1,
        "runtime": runtime,
        "source": source,
        "dependencies": [],
        "context": {},
        "steps": {},
        "item": None,
        "run": {"name": "run-1", "namespace": "sales", "phase": None, "failedSteps": []},
        "step": "charge",
        "attempt": 1,
        "idempotencyKey": "key-1",
        "nonce": NONCE,
        "timeoutSeconds": SECONDS,
        "capture": False,
        "secretEnv": [],
        **fields,
    }
    return json.dumps(document).encode()


@dataclass
class Finished:
    """An attempt that has ended, as its log tells."""

    exit_code: int
    log: bytes
    folder: Path
    nonce: str = NONCE
    events: list[Event] = field(init=False)

    def __post_init__(self) -> None:
        parser = RecordParser(self.nonce)
        self.events = [*parser.feed(self.log), *parser.close()]

    @property
    def record(self) -> ResultRecord:
        """The one result."""
        (record,) = (event for event in self.events if isinstance(event, ResultRecord))
        return record

    @property
    def printed(self) -> bytes:
        """What the program printed."""
        return b"".join(event.data for event in self.events if isinstance(event, LogChunk))

    @property
    def progress(self) -> list[Progress]:
        """What it said of its progress."""
        return [event for event in self.events if isinstance(event, Progress)]

    @property
    def error(self) -> tuple[str | None, str | None]:
        """Code and reason."""
        return self.record.error_code, self.record.error_reason


@dataclass
class Harness:
    """Starts attempts in one folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": interpreters_path(), "LANG": "C.UTF-8"})

    def run(self, runtime: str, source: str, environment: Mapping[str, str] | None = None, **fields: Any) -> Finished:
        """Run an attempt to its end."""
        return self.finish(self.start(runtime, source, environment, **fields))

    def start(
        self, runtime: str, source: str, environment: Mapping[str, str] | None = None, **fields: Any
    ) -> subprocess.Popen[bytes]:
        """Start an attempt."""
        if runtime == "go":
            self.environment.setdefault("GOCACHE", go_cache())
        path = self.folder / "input.json"
        path.write_bytes(a_document(runtime, source, **fields))
        return self.start_with({"PENSTOCK_INPUT": str(path), **(environment or {})})

    def start_with(self, environment: Mapping[str, str], **options: Any) -> subprocess.Popen[bytes]:
        """Start the harness with these settings."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        own = {"PENSTOCK_WORKDIR": str(work), "PENSTOCK_GRACE_SECONDS": "0.3"}
        return subprocess.Popen(
            harness_command(sys.executable),
            env={**self.environment, **own, **environment},
            stdout=subprocess.PIPE,
            **options,
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Finished:
        """Wait for its end."""
        with process:
            log, _ = process.communicate(timeout=SECONDS)
        return Finished(process.returncode, log, self.folder / "work")


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)
