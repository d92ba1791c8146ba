"""Builds a Go step: its modules, its source made a program, and the compiler's messages in the script's own lines.

A source that begins with `package main` is a whole program. Any other is the body of its main function, with imports
at its top, and finds `context`, `item`, `steps`, `run`, `output`, `fail` and `progress` as variables.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from penstock_runtimes.harness.preparation import Preparation

SETTINGS = ("GOPROXY", "GOAUTH", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "NETRC")

BUILD = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
COMPILED_LIBRARY = "installgoroot=all"
"""Has the go command look for the standard library in GOROOT/pkg; it is of use only if built with -trimpath too."""

_DEPENDENCIES_FAILED = "DEPENDENCIES_FAILED"
_MODULE = "penstock.dev/penstock"
_IMPORT = f'import penstock "{_MODULE}"'
_OLDEST = (1, 21)
_GAP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_PACKAGE = re.compile(r"package\s+(\w+)")
_DECLARATION = re.compile(r"import\b(?:[^\S\n]|/\*.*?\*/)*(\(?)", re.DOTALL)
_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|.", re.DOTALL)
_CONTEXT = re.compile(r"(?:^|[(;]|\bimport)\s*\"context\"", re.MULTILINE)
_NOT_PROVIDED = re.compile(
    r"(?:finding module for|no required module provides|cannot find module providing) package ([^\s:;]+)"
)
_FUNCTION = re.compile(r"^func\s+[\w(]", re.MULTILINE)
_VALUES = {"context": "Context", "item": "Item", "steps": "Steps", "run": "Run"}
_FUNCTIONS = {"output": "Output", "fail": "Fail", "progress": "Progress"}


def prepare(preparation: Preparation) -> dict[str, str]:
    """Build the program in the attempt's folder; where it is."""
    place = os.path.join(preparation.own, "go")
    os.makedirs(place, exist_ok=True)
    environment = _environment(preparation)
    version = _version(preparation, environment)
    _write(os.path.join(place, "main.go"), _program(preparation))
    replaced = f"require {_MODULE} v0.0.0\nreplace {_MODULE} => {os.path.join(preparation.runtime, 'penstock')}\n"
    _write(os.path.join(place, "go.mod"), f"module step\ngo {version}\n{replaced}")
    if preparation.dependencies:
        ran = preparation.run(["go", "get", "--", *preparation.dependencies], environment, place)
        if ran.exit_code != 0:
            preparation.fail(_DEPENDENCIES_FAILED, ran.reason)
    program = os.path.join(place, "program")
    # With dependencies the build may note the checksums of what those depend on.
    mode = "-mod=mod" if preparation.dependencies else "-mod=readonly"
    ran = preparation.run(["go", "build", mode, *BUILD, "-o", program, "."], environment, place)
    if found := _NOT_PROVIDED.search(ran.errors):
        reason = f"{preparation.script} imports {found[1]}, which none of the step's `dependencies` provides; "
        preparation.fail(_DEPENDENCIES_FAILED, f"{reason}add its module, such as {found[1]}@v1.2.3")
    if ran.exit_code != 0:
        preparation.fail("SCRIPT_FAILED", _why_not_built(preparation, ran.reason))
    if preparation.dependencies:
        preparation.installed += _linked(preparation, program, environment)
    return {"{program}": program}


def _why_not_built(preparation: Preparation, said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("# ")]
    if "build constraints exclude all" in said:
        lines.append(
            'Steps are built without cgo: neither `import "C"` nor a constraint for another platform can be used.'
        )
    if _FUNCTION.search(preparation.source) and not _is_whole(preparation.source):
        lines.append("A script with functions of its own is a whole program: begin it with `package main`.")
    return "\n".join(lines)


def _is_whole(source: str) -> bool:
    return _PACKAGE.match(source, _end(_GAP, source, 0)) is not None


def _environment(preparation: Preparation) -> dict[str, str]:
    environment = {
        **preparation.environment,
        "GO111MODULE": "on",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        # What an image or a laptop has is what is used; a toolchain is never downloaded behind the author's back.
        "GOTOOLCHAIN": "local",
    }
    if environment.get("HOME", preparation.work) == preparation.work:
        # No home but the script's own folder: what the go command keeps for later does not belong there.
        environment.setdefault("GOPATH", os.path.join(preparation.own, "go-path"))
        environment.setdefault("GOCACHE", os.path.join(preparation.own, "go-cache"))
        environment["GOFLAGS"] = f"{environment.get('GOFLAGS', '')} -modcacherw".strip()
        # The cache begins empty, so what the image has compiled of the standard library is taken from there.
        environment["GODEBUG"] = COMPILED_LIBRARY
    return environment


def _version(preparation: Preparation, environment: dict[str, str]) -> str:
    """The language's version that this toolchain has by default, such as 1.26."""
    said = preparation.run(["go", "env", "GOVERSION"], environment).stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", said)
    version = (int(found[1]), int(found[2])) if found else _OLDEST
    if version < _OLDEST:
        preparation.fail("RUNTIME_MISSING", f"{said} is too old")
    return f"{version[0]}.{version[1]}"


def _program(preparation: Preparation) -> str:
    """The file to compile. `//line` makes its messages name the lines of the script as it was written."""
    source, script = preparation.source, preparation.script
    start = _end(_GAP, source, 0)
    if package := _PACKAGE.match(source, start):
        if package[1] != "main":
            preparation.fail("SCRIPT_FAILED", f"{script} is of package {package[1]}; write `package main`")
        if f'"{_MODULE}"' in source:
            return f"//line {script}:1:1\n{source}\n"
        # Used in any case, or a program that needs nothing of it would not be one.
        return (
            f"//line {script}:1:1\n{source[: package.end()]}; {_IMPORT}{source[package.end() :]}\n"
            "var _ = penstock.Output\n"
        )
    end = _end_of_imports(source)
    imports, body = source[:end], source[end:]
    names = {**_VALUES, **_FUNCTIONS}
    if _CONTEXT.search(imports):
        del names["context"]  # the name means the package
    variables = "; ".join(f"{name} := penstock.{known}; _ = {name}" for name, known in names.items())
    line, column = imports.count("\n") + 1, end - imports.rfind("\n")
    return (
        f"package main; {_IMPORT}\n//line {script}:1:1\n{imports}\nfunc main() {{ {variables}; {{\n"
        f"//line {script}:{line}:{column}\n{body}\n}}}}\n"
    )


def _end_of_imports(source: str) -> int:
    """Where the declarations of imports at the top of the source end, and the blank lines and comments around them."""
    end = _end(_GAP, source, 0)
    while found := _DECLARATION.match(source, end):
        last = ")" if found[1] else "\n;"
        at = found.end()
        while at < len(source) and source[at] not in last:
            at = _end(_TOKEN, source, at)
        at += at < len(source)
        if found[1] and source[at : at + 1] == ";":
            at += 1
        end = _end(_GAP, source, at)
    return end


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    assert found is not None
    return found.end()


def _linked(preparation: Preparation, program: str, environment: dict[str, str]) -> list[str]:
    """`path@version` of each module that is in the program."""
    listing = preparation.run(["go", "version", "-m", program], environment).stdout
    rows = [line.split("\t") for line in listing.splitlines()]
    return sorted(f"{row[2]}@{row[3]}" for row in rows if len(row) > 3 and row[1] == "dep" and row[2] != _MODULE)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
