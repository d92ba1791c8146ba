"""Objects as YAML that a person likes to edit: one field of a schema a line, statements as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from penstock.api.v1alpha1 import API_VERSION

PART_OF = "app.kubernetes.io/part-of"


class Line(dict[str, Any]):
    """A mapping that is written in one line."""


class _Dumper(yaml.SafeDumper):
    """Lists stand further in than what they belong to; nothing is an alias, which would be harder to edit."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  theirs
        """Never without."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  theirs
        """All of them."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if "{{" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _line(dumper: yaml.SafeDumper, value: Line) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Line, _line)


def written(objects: Iterable[Mapping[str, Any]], head: str, notes: Mapping[str, str] | None = None) -> str:
    """A file of several documents. `head` and `notes` become comments: one at the top, the others above a key."""
    texts = [yaml.dump(dict(each), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4000) for each in objects]
    text = _commented(head, "") + "---\n".join(texts)
    for key, note in (notes or {}).items():
        text = _above(key, note, text)
    return text


def _above(key: str, note: str, text: str) -> str:
    """The text with a comment above each line that begins with the key."""

    def commented(found: re.Match[str]) -> str:
        return _commented(note, found[1]) + found[0]

    return re.sub(rf"^( +){re.escape(key)}:", commented, text, flags=re.MULTILINE)


def _commented(text: str, indentation: str) -> str:
    return "".join(f"{indentation}# {line}".rstrip() + "\n" for line in text.splitlines())


def object_of(kind: str, name: str, part_of: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A Workflow or a Connection of an application."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "labels": {PART_OF: part_of}},
        "spec": dict(spec),
    }


def gate(message: str, groups: Iterable[str], users: Iterable[str]) -> dict[str, Any]:
    """`requiresApproval` of a step."""
    approvers = Line()
    if found := list(users):
        approvers["users"] = found
    if found := list(groups):
        approvers["groups"] = found
    return {"approvers": approvers, "message": message}


def hints(*, read_only: bool = False, destructive: bool = False, idempotent: bool = False) -> Line:
    """What agents are told of a Workflow."""
    return Line(readOnly=read_only, destructive=destructive, idempotent=idempotent, openWorld=True)
