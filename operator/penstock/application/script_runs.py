"""Scripts as runs: a definition of one step, made for a program that somebody hands over. Pure.

The step runs `script_launcher.py`; the program, its arguments and settings are the run's context, so people and gates
see them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.secrets import EnvVar
from penstock.api.v1alpha1.workflow import Script, Step, WorkflowSpec
from penstock.application import script_launcher
from penstock.errors import InvalidInput, NotFound, Problem

STEP = "script"
MAX_SOURCE = 120_000
"""Bytes of a program; a run's context has 128 KiB for everything."""
_CHUNK = 8_000
"""Characters of one piece of the program: four bytes each at most are less than a text of a context may have."""
_VERSION = re.compile(r"3\.\d{1,2}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TEXTS = {"type": "array", "items": {"type": "string", "maxLength": 32_768}}
_INPUTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "tool": {"type": "string", "description": "What was asked for."},
        "source": {**_TEXTS, "description": "The program, in pieces."},
        "script_path": {"type": "string", "description": "A file to run instead, on the machine of local mode."},
        "directory": {"type": "string", "description": "Where it runs, on the machine of local mode."},
        "args": _TEXTS,
        "dependencies": _TEXTS,
        "python_version": {"type": "string"},
        "timeout_seconds": {"type": "integer", "minimum": 0},
        "execution_strategy": {"type": "string"},
    },
}


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """A program to run once."""

    tool: str
    """What was asked for: the name under which it is listed."""
    source: str = ""
    script_path: str = ""
    """A file to run instead; only where step and caller share a machine."""
    directory: str = ""
    args: Sequence[str] = ()
    dependencies: Sequence[str] = ()
    python_version: str = ""
    """Exact minor version, such as 3.12; the runtime's own where empty."""
    use_uv: bool = True
    timeout_seconds: int = 0
    """0 for no end."""
    env: Mapping[str, str] = field(default_factory=dict)


def script_spec(request: ScriptRequest) -> WorkflowSpec:
    """The definition that runs the program. Raises InvalidInput with every problem of the request."""
    problems = tuple(_problems(request))
    if problems:
        raise InvalidInput("the script cannot be run", problems=problems)
    launcher = Path(script_launcher.__file__).read_text(encoding="utf-8")
    wanted = f'# /// script\n# requires-python = "=={request.python_version}.*"\n# ///\n'
    step = Step(
        name=STEP,
        script=Script(
            runtime="python",
            source=(wanted if request.python_version else "") + launcher,
            dependencies=tuple(request.dependencies),
        ),
        env=tuple(EnvVar(name=name, value=value) for name, value in request.env.items()),
    )
    return WorkflowSpec(description=f"A script that was handed to {request.tool}.", inputs=_INPUTS, steps=(step,))


def script_context(request: ScriptRequest) -> dict[str, Any]:
    """The context of its run."""
    made_for_it = bool(request.dependencies or request.python_version)
    return {
        "tool": request.tool,
        "source": [request.source[start : start + _CHUNK] for start in range(0, len(request.source), _CHUNK)],
        "script_path": request.script_path,
        "directory": request.directory,
        "args": list(request.args),
        "dependencies": list(request.dependencies),
        "python_version": request.python_version,
        "timeout_seconds": request.timeout_seconds,
        "execution_strategy": "uv-run" if made_for_it else "system-python",
    }


def is_script(run: WorkflowRun) -> bool:
    """Whether the run is one of a script that was handed over."""
    inline = run.spec.inline
    return inline is not None and [step.name for step in inline.steps] == [STEP] and "tool" in run.spec.context


def source_of(run: WorkflowRun) -> str:
    """The program of such a run. Raises NotFound where it is none, or runs a file."""
    if not is_script(run):
        raise NotFound(f"run {run.metadata.name} is no run of a script", hint="See list_scripts.")
    pieces = run.spec.context.get("source")
    return "".join(str(piece) for piece in pieces) if isinstance(pieces, list) else ""


def parameters_of(run: WorkflowRun) -> dict[str, Any]:
    """What such a run was asked for with, but its program and the values of its environment."""
    settings = {
        name: value for name, value in run.spec.context.items() if name != "source" and value not in ("", [], 0)
    }
    variables = run.spec.inline.steps[0].env if run.spec.inline else ()
    return {**settings, **({"env_vars": sorted(variable.name for variable in variables)} if variables else {})}


def _problems(request: ScriptRequest) -> Sequence[Problem]:
    found = []
    if bool(request.source) == bool(request.script_path):
        count = "both" if request.source else "neither"
        fix = "Give `script_content` for a program as text, or `script_path` for a file."
        found.append(Problem("script_content", f"exactly one of script_content and script_path; this has {count}", fix))
    if len(request.source.encode("utf-8", "replace")) > MAX_SOURCE:
        found.append(Problem("script_content", f"the program has more than {MAX_SOURCE:,} bytes", "Split it."))
    if request.python_version and not _VERSION.fullmatch(request.python_version):
        found.append(Problem("python_version", "this is no exact minor version", "Write 3.12, say."))
    if request.python_version and not request.use_uv:
        found.append(Problem("python_version", "the system's Python has its own version", "Leave use_uv at true."))
    found += [
        Problem(f"env_vars.{name[:64]}", "this is no name of an environment variable", "Use letters, digits and `_`.")
        for name in request.env
        if not _ENV_NAME.fullmatch(name) or name.startswith("PENSTOCK_")
    ]
    return found
