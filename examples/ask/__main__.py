"""`python -m examples.ask SENTENCE`: what the sentence asks for, done in a shop on this machine.

Without --provider no model is asked: the answers that stand in ask.yaml are used, and the log of the step says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from examples.ask.demo import OFFER, Model, prepare, serving_shop


def main() -> int:
    """Run it; the exit code of `penstock run`."""
    parser = argparse.ArgumentParser(prog="python -m examples.ask", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("sentence", nargs="?", default=OFFER)
    parser.add_argument("--approve", action="store_true", help="answer yes at the gate")
    parser.add_argument("--token", default="shop-sales", help="whose role is used: shop-sales, shop-north")
    parser.add_argument("--provider", choices=["openai", "anthropic", "openai-compatible"])
    parser.add_argument("--model", help="its name, with --provider")
    parser.add_argument("--url", help="of an endpoint, with --provider openai-compatible")
    parser.add_argument("--key-file", type=Path, help="holds the provider's key")
    options = parser.parse_args()
    if not options.approve and not sys.stdin.isatty():
        parser.error("nobody is here to answer the gate: give --approve (make demo-ask APPROVE=1)")
    model = None
    if options.provider is not None:
        key = options.key_file.read_text(encoding="utf-8").strip() if options.key_file else None
        model = Model(options.provider, options.model or "", options.url, key)
    with tempfile.TemporaryDirectory(prefix="penstock-ask-") as name, serving_shop() as address:
        words = prepare(Path(name), address, token=options.token, model=model)
        command = [sys.executable, "-m", "penstock.cli.main", *words, "--set", f"prompt={options.sentence}"]
        environment = {**os.environ, "PENSTOCK_HOME": str(Path(name) / "runs")}  # noqa: TID251 - hands it on
        print(f"The shop listens on {address}.\n{options.sentence}", flush=True)
        try:
            command += ["--approve"] if options.approve else []
            return subprocess.run(command, env=environment, check=False).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            _cancel_what_waits(environment)


def _cancel_what_waits(environment: dict[str, str]) -> None:
    """The shop goes, and with it what a run that was left at its gate could still do."""
    penstock = [sys.executable, "-m", "penstock.cli.main", "--local"]
    listed = subprocess.run([*penstock, "list", "-o", "json"], env=environment, stdout=subprocess.PIPE, check=False)
    for run in json.loads(listed.stdout or '{"items": []}')["items"]:
        if run["status"]["phase"] in ("Pending", "Running", "Waiting"):
            for verb in ("cancel", "wait"):
                subprocess.run([*penstock, verb, run["metadata"]["name"]], env=environment, check=False)


if __name__ == "__main__":
    sys.exit(main())
