"""What the files of examples/ say of themselves: how each is run and how its run ends. Asserts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import ROOT

ANNOTATION = "penstock.dev/example"
FOLDER = ROOT / "examples"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A file of examples/ with what the annotation in it declares."""

    path: Path
    workflows: tuple[str, ...]
    """All Workflows of the file."""
    name: str
    """The one that is run."""
    runtimes: frozenset[str]
    """The languages of its scripts."""
    images: frozenset[str]
    """The images of its containers."""
    phase: str
    context: Json = field(default_factory=dict)
    approvedBy: tuple[str, ...] = ()  # noqa: N815 - the declaration's own word
    """Who opens its gate, so many as its quorum asks for."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Values of the Secrets that it uses, by name and key."""
    output: Any = None
    error: Json = field(default_factory=dict)
    """What its error holds among other things."""
    steps: Mapping[str, str] = field(default_factory=dict)
    """Phases of steps that are worth a look."""
    outputs: Json = field(default_factory=dict)
    """Outputs of such steps."""

    def declared(self) -> Json:
        """The end that the file declares."""
        return {
            "phase": self.phase,
            "output": self.output,
            "error": self.error,
            "steps": dict(self.steps),
            "outputs": self.outputs,
        }

    def seen(self, status: Json) -> Json:
        """What a run's status says on everything that the file declares."""
        steps: Json = status.get("steps", {})
        error = status.get("error") or {}
        return {
            "phase": status.get("phase"),
            "output": status.get("output"),
            # An error where none is declared is shown whole.
            "error": {key: error.get(key) for key in self.error} if self.error else error,
            "steps": {step: steps[step]["phase"] for step in self.steps},
            "outputs": {step: steps[step].get("output") for step in self.outputs},
        }


def all_examples() -> list[Example]:
    """Every file, in order. Raises ValueError where a file declares no end."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _read(path: Path) -> Example:
    documents: list[Json] = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    declared = [one for one in documents if ANNOTATION in one["metadata"].get("annotations", {})]
    if len(declared) != 1:
        raise ValueError(f"{path.name}: give exactly one of its Workflows the annotation {ANNOTATION}")
    metadata = declared[0]["metadata"]
    return Example(
        path=path,
        workflows=tuple(one["metadata"]["name"] for one in documents),
        name=metadata["name"],
        runtimes=frozenset(step["script"]["runtime"] for step in _steps(documents) if "script" in step),
        images=frozenset(step["container"]["image"] for step in _steps(documents) if "container" in step),
        **yaml.safe_load(metadata["annotations"][ANNOTATION]),
    )


def _steps(documents: Iterable[Json]) -> Iterable[Json]:
    for document in documents:
        yield from document["spec"]["steps"]
        yield from document["spec"].get("finally", [])
