"""Timeouts, cancellation, and what a program leaves behind."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.runtimes.conftest import SECONDS, Harness
from tests.integration.runtimes.languages import every_language

IGNORE = {
    "python": """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
while True: time.sleep(0.05)
""",
    "bash": "trap '' TERM\necho ready\nwhile true; do sleep 0.05; done",
    "javascript": "process.on('SIGTERM', () => {})\nconsole.log('ready')\nsetInterval(() => {}, 1000)",
    "go": 'import ("fmt"; "os/signal"; "syscall"; "time")\nsignal.Ignore(syscall.SIGTERM)\n'
    'fmt.Println("ready")\ntime.Sleep(time.Hour)',
    "powershell": "[Runtime.InteropServices.PosixSignalRegistration]::Create('SIGTERM', { $args[0].Cancel = $true })\n"
    "'ready'; Start-Sleep 1000",
}
OBEY = {
    "python": "import time\nprint('ready')\ntime.sleep(1000)",
    "bash": "echo ready\nsleep 1000",
    "javascript": "console.log('ready')\nsetTimeout(() => {}, 1e6)",
    "go": 'import ("fmt"; "time")\nfmt.Println("ready")\ntime.Sleep(time.Hour)',
    "powershell": "'ready'; Start-Sleep 1000",
}
LEAVE = {
    "python": "import subprocess\nfor name in ('pid', 'pid2'):\n    child = subprocess.Popen(['sleep', '1000'])\n"
    "    open(name, 'w').write(str(child.pid))\n",
    "bash": "sleep 1000 & echo $! > pid; (trap '' TERM HUP; exec sleep 1000) & echo $! > pid2; ",
    "javascript": "import { spawn } from 'node:child_process'\nfor (const name of ['pid', 'pid2']) {\n"
    "  const child = spawn('sleep', ['1000'])\n  require('fs').writeFileSync(name, String(child.pid))\n}\n",
    "go": 'import ("fmt"; "os"; "os/exec")\nfor _, name := range []string{"pid", "pid2"} {\n'
    'c := exec.Command("sleep", "1000"); c.Start(); os.WriteFile(name, []byte(fmt.Sprint(c.Process.Pid)), 0o600)\n}\n',
    "powershell": "foreach ($n in 'pid', 'pid2') { (Start-Process sleep 1000 -PassThru).Id | Set-Content $n }\n",
}
ENDINGS = {
    "python": ("exit(0)", "exit(3)", "import os; os.kill(os.getpid(), 9)"),
    "bash": ("exit 0", "exit 3", "kill -9 $$"),
    "javascript": ("process.exit(0)", "process.exit(3)", "process.kill(process.pid, 'SIGKILL')"),
    "go": ("os.Exit(0)", "os.Exit(3)", "p, _ := os.FindProcess(os.Getpid()); p.Kill(); select {}"),
    "powershell": ("exit 0", "exit 3", "kill -9 $PID"),
}
TIMEOUTS = {"javascript": 3, "go": 8, "powershell": 8}
"""Seconds in which each has begun to run, also on a busy machine; of a Go program that includes the building."""


def is_running(pid: int) -> bool:
    """Whether a process lives; one that only waits to be collected does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


@every_language()
def test_a_program_that_takes_too_long_is_stopped(harness: Harness, runtime: str):
    seconds = TIMEOUTS.get(runtime, 0.5)
    finished = harness.run(runtime, OBEY[runtime], timeoutSeconds=seconds)

    assert finished.error == ("TIMED_OUT", f"the attempt took longer than its timeout of {seconds} s")
    assert finished.record.signal == "SIGTERM"
    assert finished.exit_code == 128 + signal.SIGTERM


@every_language()
def test_one_that_ignores_the_request_is_killed(harness: Harness, runtime: str):
    finished = harness.run(runtime, IGNORE[runtime], timeoutSeconds=TIMEOUTS.get(runtime, 0.5))

    assert finished.error[0] == "TIMED_OUT"
    assert finished.record.signal == "SIGKILL"
    assert finished.exit_code == 128 + signal.SIGKILL


def test_one_that_ends_in_time_to_say_something_is_heard(harness: Harness):
    source = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: (output("saved"), exit(0)))
time.sleep(1000)
"""

    finished = harness.run("python", source, timeoutSeconds=0.5)

    assert finished.error[0] == "TIMED_OUT"
    assert (finished.record.exit_code, finished.record.output) == (0, "saved")
    assert finished.exit_code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@every_language()
def test_a_request_to_the_harness_reaches_the_program(harness: Harness, runtime: str, number: int):
    process = harness.start(runtime, OBEY[runtime])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)

    finished = harness.finish(process)

    assert finished.error == ("CANCELLED", "the attempt was asked to stop")
    assert finished.record.signal == "SIGTERM"


def test_a_cancelled_program_that_ignores_it_is_killed(harness: Harness):
    process = harness.start("bash", IGNORE["bash"])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)

    finished = harness.finish(process)

    assert finished.error[0] == "CANCELLED"
    assert finished.record.signal == "SIGKILL"


@pytest.mark.parametrize("ending", range(3), ids=["success", "failure", "signal"])
@every_language()
def test_what_a_program_leaves_behind_is_killed(harness: Harness, runtime: str, ending: int):
    finished = harness.run(runtime, LEAVE[runtime] + ENDINGS[runtime][ending])

    for name in ("pid", "pid2"):
        wait_until_gone(int((finished.folder / name).read_text()))


def test_a_timeout_stops_the_whole_group(harness: Harness):
    finished = harness.run("bash", "sleep 1000 & echo $! > pid; wait", timeoutSeconds=0.5)

    wait_until_gone(int((finished.folder / "pid").read_text()))


def test_output_held_open_by_a_process_that_left_does_not_hold_the_result(harness: Harness):
    source = """
import os, time
if os.fork() == 0:
    os.setsid()
    with open("pid.new", "w") as file: file.write(str(os.getpid()))
    os.rename("pid.new", "pid")
    time.sleep(1000)
while not os.path.exists("pid"): time.sleep(0.01)
print("done")
"""
    finished = harness.run("python", source)
    pid = int((finished.folder / "pid").read_text())
    subprocess.run(["kill", "-9", str(pid)], check=True)

    assert finished.record.succeeded
    assert finished.printed == b"done\n"


def test_a_reader_that_leaves_does_not_stop_the_program(harness: Harness):
    process = harness.start("bash", "echo ready; until [ -e go ]; do sleep 0.01; done; echo more; touch finished")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    (harness.folder / "work" / "go").touch()

    assert process.wait(SECONDS) == 0
    assert Path(harness.folder / "work" / "finished").exists()


def test_a_reader_that_stalls_does_not_stop_the_timeout(harness: Harness):
    """Nobody reads, so the harness is stuck writing; the program must still be stopped."""
    process = harness.start("bash", "echo $$ > pid; exec yes " + "x" * 4000, timeoutSeconds=0.5)
    path = harness.folder / "work" / "pid"
    deadline = time.monotonic() + SECONDS
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    wait_until_gone(int(path.read_text()))

    assert harness.finish(process).error[0] == "TIMED_OUT"
