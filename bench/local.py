"""`python -m bench.local`: what local mode adds to a program, the start of the command included; no cluster.

In one run, one after the other: a bash script by itself, the harness with it, `penstock run` of one step and of eleven
in a chain. What a further step costs is a tenth of the difference, less the harness's own time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.figures import percentile
from penstock_runtimes import harness_command
from tests.support.cluster import ROOT

SOURCE = "echo hello"
FURTHER = 10
"""Steps of the chain after its first one."""
LIMITS = {"one_step_adds_ms": 400.0, "further_step_adds_ms": 30.0}


def main() -> int:
    """Measure, print, write; the exit code is 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m bench.local", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=20, help="measurements of each")
    parser.add_argument("--output", type=Path, default=Path("build/bench-local.json"), help="where the figures go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        found = _figures(_measured(Path(folder), options.count))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=2) + "\n")
    for name, value in found.items():
        limit = LIMITS.get(name)
        note = "" if limit is None else f"   {'reached' if value <= limit else 'MISSED'}, target {limit:g}"
        print(f"{name:<24}{value:>9.1f}{note}")
    return 0


def _figures(samples: dict[str, list[float]]) -> dict[str, float]:
    p50 = {name: percentile(values, 0.5) * 1000 for name, values in samples.items()}
    further = (p50["chain"] - p50["one_step"]) / FURTHER - p50["harness"]
    named = {f"{name}_p50_ms": value for name, value in p50.items()}
    added = {"one_step_adds_ms": p50["one_step"] - p50["script"], "further_step_adds_ms": further}
    return {name: round(value, 1) for name, value in (named | added).items()}


def _measured(folder: Path, count: int) -> dict[str, list[float]]:
    one, chain = (_workflow(folder / f"{name}.yaml", steps) for name, steps in (("one", 1), ("chain", 1 + FURTHER)))
    home = {**os.environ, "PENSTOCK_HOME": str(folder / "data")}
    document = json.dumps({"version": 1, "nonce": "0", "step": "s0", "runtime": "bash", "source": SOURCE}).encode()
    given = f"{len(document):08x}\n".encode() + document
    penstock = [str(ROOT / ".venv" / "bin" / "penstock"), "--local", "run"]
    shapes: dict[str, Callable[[], None]] = {
        "script": lambda: _run(["bash", "-c", SOURCE]),
        "harness": lambda: _run(list(harness_command()), env=_told(folder), input=given),
        "one_step": lambda: _run([*penstock, str(one)], env=home),
        "chain": lambda: _run([*penstock, str(chain)], env=home),
    }
    samples: dict[str, list[float]] = {name: [] for name in shapes}
    for number in range(count + 1):
        for name, shape in shapes.items():
            begun = time.perf_counter()
            shape()
            if number:  # the first of each warms what is read from the disk
                samples[name].append(time.perf_counter() - begun)
    return samples


def _told(folder: Path) -> dict[str, str]:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "PENSTOCK_INPUT": "-", "PENSTOCK_WORKDIR": str(work)}


def _run(command: list[str], **options: Any) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def _workflow(path: Path, count: int) -> Path:
    steps: list[dict[str, Any]] = [{"name": "s0", "script": {"runtime": "bash", "source": SOURCE}}]
    steps += [{**steps[0], "name": f"s{number}", "needs": [f"s{number - 1}"]} for number in range(1, count)]
    body = {"apiVersion": "penstock.dev/v1alpha1", "kind": "Workflow", "metadata": {"name": path.stem}}
    path.write_text(yaml.safe_dump({**body, "spec": {"steps": steps}}))
    return path


if __name__ == "__main__":
    sys.exit(main())
