"""Runs a step that calls a Connection: the script is the call as JSON, which only ever is data.

Started by the harness like every prelude: in a fork of its interpreter (`run`) or on its own.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AUTH_VARIABLE = "CONNECTION_AUTH"


def run(script: str) -> None:
    """Make the call that the script describes; ends with `SystemExit` where it does not succeed."""
    folder = os.path.dirname(os.path.abspath(__file__))
    packages = os.path.join(os.path.dirname(folder), "packages")
    if os.path.isdir(packages):
        # In an image: what its Dockerfile installed, and nothing else.
        sys.path.insert(0, packages)
    elif "site" not in sys.modules:
        # In the harness's fork `site` did not run, so what is installed beside Penstock is not known yet.
        import site

        site.main()
    sys.path.insert(0, folder)
    _state({"interpreter": f"Python {'.'.join(map(str, sys.version_info[:3]))}"})
    calling = __import__("calling")
    with open(script, encoding="utf-8") as file:
        program = json.load(file)
    if "items" in program["call"]:
        # Several items' calls in one pod: each has a process of its own, and this is the one of one item.
        program["call"] = program["call"]["items"][os.environ["PENSTOCK_ITEM_INDEX"]]
    # Nothing that this process starts or says later is to find it there.
    secret = os.environ.pop(AUTH_VARIABLE, None)
    try:
        output = calling.perform(program, secret, os.environ.get("PENSTOCK_IDEMPOTENCY_KEY", ""))
    except calling.CallFailed as failed:
        print(f"{failed.code}: {failed}", file=sys.stderr, flush=True)
        _state({"fail": {"code": failed.code, "reason": str(failed)}})
        raise SystemExit(1) from None
    _state({"output": output})


def _state(statement: dict[str, Any]) -> None:
    text = json.dumps(statement, ensure_ascii=True, allow_nan=False)
    with open(os.environ["PENSTOCK_OUTPUT"], "ab", buffering=0) as file:
        data = memoryview(text.encode() + b"\n")
        while data:
            data = data[file.write(data) :]


if __name__ == "__main__":
    run(sys.argv[1])
