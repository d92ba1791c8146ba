"""How a PowerShell step is started and heard, with a stand-in for pwsh that this test writes.

What PowerShell itself makes of the prelude is shown by test_contract.py, where pwsh is installed.
"""

from __future__ import annotations

import sys

from penstock_runtimes import load_runtime
from tests.integration.runtimes.conftest import Harness

STAND_IN = f"""#!{sys.executable}
import json, os, sys
context = json.load(open(os.environ["PENSTOCK_CONTEXT_FILE"]))
with open(os.environ["PENSTOCK_OUTPUT"], "a") as statements:
    print(json.dumps({{"interpreter": "PowerShell 7.5.0"}}), file=statements)
    print(json.dumps({{"progress": {{"current": 1, "total": 2, "message": "half"}}}}), file=statements)
    print(json.dumps({{"output": [sys.argv[1:], open(sys.argv[-1]).read(), context["context"]]}}), file=statements)
print("said")
sys.exit(int(context["context"].get("code", 0)))
"""


def with_stand_in(harness: Harness) -> dict[str, str]:
    folder = harness.folder / "bin"
    folder.mkdir()
    (folder / "pwsh").write_text(STAND_IN)
    (folder / "pwsh").chmod(0o755)
    return {"PATH": f"{folder}:/bin:/usr/bin"}


def test_pwsh_is_given_the_prelude_and_the_script(harness: Harness):
    finished = harness.run("powershell", "output 1", with_stand_in(harness), context={"a": "é"})
    options = ["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]

    assert finished.error == (None, None)
    assert finished.record.output == [
        [*options, str(load_runtime("powershell").folder / "prelude.ps1"), "step.ps1"],
        "output 1",
        {"a": "é"},
    ]
    assert finished.record.interpreter == "PowerShell 7.5.0"
    assert finished.progress[-1].message == "half"
    assert finished.printed == b"said\n"


def test_its_exit_code_is_the_steps(harness: Harness):
    finished = harness.run("powershell", "exit 3", with_stand_in(harness), context={"code": 3})

    assert finished.error == ("SCRIPT_FAILED", "the script ended with exit code 3")
    assert finished.exit_code == 3
