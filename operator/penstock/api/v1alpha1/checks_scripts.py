"""Checks of scripts: the runtime, and the placeholders through the tool that is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from penstock.api.v1alpha1.calls import CALL_RUNTIMES
from penstock.api.v1alpha1.subject import STAND_IN, Binding, Placed, Subject, field_types
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.errors import Problem

_OTHER_NAMES = MappingProxyType(
    {
        **dict.fromkeys(("node", "nodejs", "js"), "javascript"),
        **dict.fromkeys(("pwsh", "ps", "ps1"), "powershell"),
        **dict.fromkeys(("sh", "shell", "zsh"), "bash"),
        **dict.fromkeys(("py", "python3"), "python"),
        "golang": "go",
    }
)
"""What people call a language whose runtime has another name."""


def bind_scripts(subject: Subject) -> Mapping[str, Binding]:
    """Every script with its placeholders made references, by the path of its step."""
    bindings = {}
    types = field_types(subject.spec)
    for placed in subject.steps:
        script = placed.step.script
        if script is not None and STAND_IN not in script.source and _known(subject, script.runtime):
            bindings[placed.path] = subject.tools.bound(script, subject.fields, types)
    return bindings


def check_scripts(subject: Subject, bindings: Mapping[str, Binding]) -> Iterator[Problem]:
    """Every problem of runtimes and scripts. The path of a problem ends in `:3` for line 3 of the script."""
    for placed in subject.steps:
        yield from _runtime(subject, placed)
        binding = bindings.get(placed.path)
        for problem in binding.problems if binding else ():
            path = f"{placed.path}.script.source:{problem.line}"
            message = problem.message if problem.message.endswith(".") else f"{problem.message}."
            yield Problem(path, message, _written(problem.suggestion))


def _written(suggestion: str) -> str:
    """A corrected line in a sentence; several as the lines that they are."""
    if "\n" in suggestion:
        return f"Write:\n{suggestion}"
    return f"Write `{suggestion.strip()}`" if suggestion else ""


def _known(subject: Subject, runtime: str) -> bool:
    images = subject.tools.images
    return STAND_IN not in runtime and runtime not in CALL_RUNTIMES and (images is None or runtime in images)


def _runtime(subject: Subject, placed: Placed) -> Iterator[Problem]:
    script, images = placed.step.script, subject.tools.images
    if script is not None and script.runtime in CALL_RUNTIMES:
        message = f"`{script.runtime}` runs what a step calls; a script has a language."
        instead = "`llm`" if script.runtime == "llm" else "`http` or `sql`"
        yield Problem(f"{placed.path}.script.runtime", message, f"Write {instead} in place of `script`.")
        return
    if script is None or images is None or _known(subject, script.runtime):
        return
    other = _OTHER_NAMES.get(script.runtime)
    images = {name: image for name, image in images.items() if name not in CALL_RUNTIMES}
    near = other if other in images else closest(script.runtime, images)
    fix = f"Write `{near}`; the runtimes are {listed(images)}." if near else f"The runtimes are {listed(images)}."
    yield Problem(f"{placed.path}.script.runtime", f"There is no runtime `{script.runtime}`.", fix)
