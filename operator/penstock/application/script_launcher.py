"""The program of a script's step: runs the script as a child, with its two streams apart, measured, and says all of it.

This file's text is what the step runs, so it knows nothing but the standard library and what the prelude gives it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from typing import Any

MAX_KEPT = 262_144
"""Characters of each stream that the result keeps: the end."""
MAX_JSON = 400_000
"""Bytes of the same as JSON, where a control character takes six."""
GRACE_SECONDS = 5.0
HELPER = '''"""Reports how far the script is: `from penstock_script import progress`."""
import json, os

def progress(current, total=None, message=""):
    line = json.dumps({"progress": {"current": current, "total": total, "message": str(message)}}) + "\\n"
    with open(os.environ["PENSTOCK_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(line)
'''


class Stream:
    """Passes what a child prints on, and keeps the end of it."""

    def __init__(self, source: Any, sink: Any) -> None:
        self._source = source
        self._sink = sink
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """The end of what was printed, once the child has closed the stream or a moment after it ended."""
        self._thread.join(GRACE_SECONDS)
        text = self._kept.decode("utf-8", "replace")[-MAX_KEPT:]
        while len(json.dumps(text)) > MAX_JSON:
            text = text[len(text) // 4 :]
        return text

    def _pass_on(self) -> None:
        while chunk := self._source.read1(65536):
            self._sink.write(chunk)
            self._sink.flush()
            self._kept += chunk
            del self._kept[: -4 * MAX_KEPT]


def run_script(asked: Any, work: str) -> dict[str, Any]:
    """Run what was asked for; the result, whatever the script's exit code is."""
    began = time.monotonic()
    child = _start(asked, work)
    signal.signal(signal.SIGTERM, lambda *_: _end_with(child))
    stdout, stderr = Stream(child.stdout, sys.stdout.buffer), Stream(child.stderr, sys.stderr.buffer)
    late = threading.Event()
    timer = threading.Timer(asked["timeout_seconds"], _stop, (child, late)) if asked["timeout_seconds"] else None
    if timer:
        timer.start()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if timer:
        timer.cancel()
    # macOS counts bytes where Linux counts kibibytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "stdout": stdout.text(),
        "stderr": stderr.text() + ("\n[TIMEOUT]" if late.is_set() else ""),
        "exit_code": child.returncode,
        "execution_strategy": asked["execution_strategy"],
        "elapsed_seconds": round(wall, 6),
        "resolved_dependencies": _installed() if asked["dependencies"] else [],
        "python_version_used": platform.python_version(),
        "wall_time_seconds": round(wall, 6),
        "cpu_time_seconds": round(usage.ru_utime + usage.ru_stime, 6),
        "peak_rss_mb": round(usage.ru_maxrss * unit / 1_048_576, 3),
    }


def _start(asked: Any, work: str) -> subprocess.Popen[bytes]:
    helper = os.path.join(work, ".penstock", "script")
    os.makedirs(helper, exist_ok=True)
    with open(os.path.join(helper, "penstock_script.py"), "w", encoding="utf-8") as file:
        file.write(HELPER)
    path = asked["script_path"]
    if not path:
        path = os.path.join(work, "script.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(asked["source"]))
    # Its own folder comes first, as always; ours is the last place that Python looks into.
    inherited = os.environ  # noqa: TID251 - the step's own, which the harness made
    environment = {**inherited, "PYTHONPATH": helper, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, path, *asked["args"]],
        cwd=asked["directory"] or work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _end_with(child: subprocess.Popen[bytes]) -> None:
    # It has a session of its own, for its time limit: whoever stops this program does not reach it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        time.sleep(1.0)
        os.killpg(child.pid, signal.SIGKILL)
    sys.exit(143)


def _stop(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        time.sleep(GRACE_SECONDS)


def _installed() -> list[str]:
    from importlib.metadata import distributions

    return sorted({f"{found.metadata['Name']}=={found.version}" for found in distributions()})


if "context" in globals():
    globals()["output"](run_script(globals()["context"], os.getcwd()))
