"""Chaos: random faults that can be replayed, and a checker of what happened. `python -m tests.chaos --help`."""
