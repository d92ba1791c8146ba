"""The command `penstock`, run as a program with a kubeconfig."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster import ROOT, Answer


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`penstock` as somebody with a kubeconfig has it."""

    kubeconfig: Path
    home: Path
    """Where it would keep local runs; nothing must appear there."""

    def __call__(self, *words: str, timeout: float = 120) -> Answer:
        """Run it to its end; does not raise."""
        return subprocess.run(
            [sys.executable, "-m", "penstock.cli.main", *words],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
        return {**own, "KUBECONFIG": str(self.kubeconfig), "PENSTOCK_HOME": str(self.home), "NO_COLOR": "1"}


def output_of(answer: Answer) -> str:
    """All that a command printed."""
    return f"exit code {answer.returncode}\n{answer.stdout}{answer.stderr}"
