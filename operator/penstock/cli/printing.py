"""What commands print, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from penstock.cli.options import OutputFormat
from penstock.cli.terminal import Terminal
from penstock.cli.views.documents import as_json, as_yaml
from penstock.errors import InvalidInput
from penstock.ports.access import Key

if TYPE_CHECKING:
    from penstock.api.v1alpha1.meta import ApiObject
    from penstock.cli.frame import Call


def show(terminal: Terminal, value: Any, output: OutputFormat, lines: Iterable[str] = ()) -> None:
    """Print a value: as lines for people, or whole for programs."""
    match output:
        case OutputFormat.TABLE:
            terminal.result(lines)
        case OutputFormat.JSON:
            terminal.result([as_json(value)])
        case OutputFormat.YAML:
            terminal.result([as_yaml(value)])


def wire(item: ApiObject) -> dict[str, Any]:
    """The object with its defaults written out, so that programs find every field."""
    return item.model_dump(mode="json", by_alias=True, exclude_none=True)


def wire_list(items: Iterable[ApiObject]) -> dict[str, Any]:
    """Several objects, in the shape of `kubectl get -o json`."""
    return {"apiVersion": "v1", "kind": "List", "items": [wire(item) for item in items]}


def key_of(call: Call, name: str) -> Key:
    """`NAME` in the chosen namespace, or `NAMESPACE/NAME` as other commands print it. Raises InvalidInput."""
    namespace, slash, rest = name.partition("/")
    if not slash:
        return Key(call.namespace, name)
    if not namespace or not rest or "/" in rest:
        raise InvalidInput(f"`{name}` is not a name", hint="Write NAME, or NAMESPACE/NAME.")
    return Key(namespace, rest)


def where(call: Call) -> str:
    """The options that another command needs to reach the same place, with a leading space; empty for none.

    Namespaces are left out: names are printed with theirs.
    """
    if call.place.kube_context is not None:
        return f" --kube-context {call.place.kube_context}"
    if call.place.local:
        return " --local"
    return " --cluster" if call.place.cluster else ""
