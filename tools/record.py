"""Makes the pictures of a terminal in docs/images: real commands, typed into a real terminal, drawn as SVG.

`make recordings` runs it. Names and seconds differ each time, so nothing compares them; look at them before you commit.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
COLUMNS = 100
_PATIENCE = 120.0
_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOVE = re.compile(r"(\x1b\[(\d*)A|\x1b\[0?J|\x1b\[[02]?K|\r\n|\r|\n)")
"""What moves the cursor or clears: up, below, this line, back, on."""
_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture."""

    name: str
    title: str
    commands: Sequence[str]
    """As somebody types them; `{run}` is the run that the command before spoke of."""
    types: Sequence[tuple[str, str]] = ()
    """What is waited for, and what is typed then."""


SCENES = (
    Scene(
        "run",
        "A run with a gate, on this machine",
        ("penstock run release.yaml --set version=2.4.0",),
        (("Approve? [y/N]", "y looked at the diff\n"),),
    ),
    Scene(
        "explain",
        "A run that failed, and why",
        ("penstock run failure.yaml --set card=expired", "penstock explain {run}", "penstock list"),
    ),
    Scene("mistakes", "Every mistake at once", ("penstock validate broken.yaml",)),
)
BROKEN = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: broken}
spec:
  inputs:
    type: object
    properties:
      customer_id: {type: string}
  steps:
    - name: charge
      script: {runtime: pyton, source: "output({{context_customer}})"}
    - name: ship
      needs: [chrage]
      when: steps.charge.output.paid
      script: {runtime: bash, source: "output shipped"}
"""


def main() -> int:
    """Draw all of them."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        tutorial = (ROOT / "docs" / "tutorial" / "laptop.md").read_text()
        (place / "release.yaml").write_text(re.findall(r"```yaml\n(.*?)```", tutorial, re.DOTALL)[0])
        (place / "failure.yaml").write_text((ROOT / "examples" / "failure.yaml").read_text())
        (place / "broken.yaml").write_text(BROKEN)
        for scene in SCENES:
            (IMAGES / f"{scene.name}.svg").write_text(drawn(scene, play(scene, place)))
            print(f"docs/images/{scene.name}.svg")
    return 0


def play(scene: Scene, place: Path) -> str:
    """What the terminal shows, colours and all."""
    shown, run = "", ""
    for command in scene.commands:
        typed = command.format(run=run)
        came = _typed(typed.split(), place, scene.types)
        shown += f"\x1b[32m$\x1b[0m {typed}\n{came}"
        found = re.search(r"Run (?:\S+/)?(\S+)", _CODE.sub("", came))
        run = found[1] if found else run
    return shown


def drawn(scene: Scene, shown: str) -> str:
    """The picture, with no font that would be fetched from elsewhere."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(at_the_end(shown)))
        return _FONT.sub("", console.export_svg(title=scene.title, unique_id=f"penstock-{scene.name}"))


def at_the_end(shown: str) -> str:
    """What is on the screen at last: lines that were drawn again are there once."""
    lines, at = [""], 0
    for part in filter(None, _MOVE.split(shown)):
        if part.isdecimal():
            continue  # of a code that was taken as a whole
        if part in ("\n", "\r\n"):
            at += 1
            lines += [""] * (at + 1 - len(lines))
        elif part.endswith("A"):
            at = max(0, at - int(part[2:-1] or 1))
        elif part.endswith("J"):
            lines[at:] = [""]
        elif part == "\r" or part.endswith("K"):
            lines[at] = ""
        else:
            lines[at] += part
    return "\n".join(lines).rstrip()


def _typed(words: Sequence[str], place: Path, types: Sequence[tuple[str, str]]) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",  # noqa: TID251 - what a person has
        "HOME": str(place),
        "PENSTOCK_HOME": str(place / "home"),
        "PENSTOCK_MODE": "local",
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LANG": "C.UTF-8",
    }
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place, env=environment, start_new_session=True
    )
    os.close(theirs)
    text, left, deadline = "", list(types), time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break  # the other end is closed: it has ended
            text += chunk.decode("utf-8", "replace")
            if left and left[0][0] in text:
                os.write(ours, left.pop(0)[1].encode())
        elif process.poll() is not None:
            break
    process.wait(timeout=5)
    os.close(ours)
    return text


if __name__ == "__main__":
    sys.exit(main())
