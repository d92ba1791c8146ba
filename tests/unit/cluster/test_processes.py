"""Starting, recording and ending processes; ended are exactly those that were started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import processes
from tests.cluster.programs import ClusterError, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart by /proc")


@pytest.fixture
def table(tmp_path: Path) -> Iterator[processes.ProcessTable]:
    table = processes.ProcessTable(tmp_path / "processes.json")
    yield table
    table.stop(list(table.read()), patience=0)


def start(table: processes.ProcessTable, folder: Path, name: str, *words: str) -> processes.Process:
    return table.start(
        name, words, log=folder / f"{name}.log", env={"PATH": os.defpath}, cgroup=folder / "joined", mounts=None
    )


def test_a_started_process_is_recorded_and_has_joined_its_cgroup(table: processes.ProcessTable, tmp_path: Path):
    process = start(table, tmp_path, "sleeper", "sleep", "60")

    assert processes.ProcessTable(tmp_path / "processes.json").read() == {"sleeper": process}
    wait_until(
        lambda: (tmp_path / "joined").exists() and bool((tmp_path / "joined").read_text()), seconds=5, what="join"
    )
    assert (tmp_path / "joined").read_text().strip() == str(process.pid)


def test_stop_ends_the_named_process_and_leaves_the_others(table: processes.ProcessTable, tmp_path: Path):
    first = start(table, tmp_path, "first", "sleep", "60")
    second = start(table, tmp_path, "second", "sleep", "60")

    table.stop(["first"])

    assert not first.alive()
    assert second.alive()
    assert list(table.read()) == ["second"]


def test_a_process_that_ignores_the_polite_signal_is_killed(table: processes.ProcessTable, tmp_path: Path):
    deaf = start(table, tmp_path, "deaf", "sh", "-c", "trap '' TERM; echo deaf; while true; do sleep 1; done")
    wait_until(lambda: "deaf" in (tmp_path / "deaf.log").read_text(), seconds=5, what="the trap is set")

    table.stop(["deaf"], patience=0.2)

    assert not deaf.alive()


def test_a_process_id_that_was_given_to_another_program_is_never_signalled(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as other:
        recorded = {"name": "etcd", "pid": other.pid, "started": 1}
        (tmp_path / "processes.json").write_text(json.dumps([recorded]))
        table = processes.ProcessTable(tmp_path / "processes.json")

        assert table.ended() == ["etcd"]
        table.stop(["etcd"])

        assert other.poll() is None
        other.send_signal(signal.SIGKILL)


def test_what_ended_by_itself_is_named_with_the_end_of_its_log(table: processes.ProcessTable, tmp_path: Path):
    start(table, tmp_path, "brief", "sh", "-c", "sleep 0.2; echo 'no such flag'; exit 1")

    wait_until(lambda: table.ended() == ["brief"], seconds=5, what="it ends")

    assert processes.last_lines(tmp_path / "brief.log") == "no such flag"


def test_start_times_are_read_from_behind_a_name_with_brackets_and_spaces(tmp_path: Path):
    (tmp_path / "7").mkdir()
    fields = " ".join(str(number) for number in range(4, 30))
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) S {fields}\n")
    assert processes.start_time(7, tmp_path) == 22

    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) Z {fields}\n")
    assert processes.start_time(7, tmp_path) is None
    assert processes.start_time(8, tmp_path) is None


def test_waiting_in_vain_says_for_what():
    with pytest.raises(ClusterError, match="the node is ready: not within 0 s"):
        wait_until(lambda: False, seconds=0, what="the node is ready")
