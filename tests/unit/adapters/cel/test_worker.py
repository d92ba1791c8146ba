"""A worker does what it is told at once, whatever it is in the middle of."""

from __future__ import annotations

import signal
import subprocess
import sys

from penstock.adapters.cel.worker import work


def test_a_worker_ends_with_the_signal_although_python_has_a_handler_for_it():
    program = """
import os, signal
from penstock.adapters.cel.worker import begin
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
begin()
os.kill(os.getpid(), signal.SIGTERM)
"""

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGTERM


def test_what_goes_wrong_comes_back_in_a_form_that_travels():
    value, fault = work("context.a", {"context": {}})

    assert value is None
    assert fault is not None
    assert (fault.kind, fault.text) == ("KeyError", "'a'")
