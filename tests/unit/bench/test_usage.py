"""What the kernel says of a process."""

from __future__ import annotations

from bench.usage import Usage, parse

STAT = "1 (python -m (x) y) S 0 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 100 1000 200"


def test_time_and_memory_are_read():
    assert parse(f"{STAT}\nName:\tpython\nVmRSS:\t  102400 kB\nThreads:\t9\n") == Usage(2000.0, 100.0)
