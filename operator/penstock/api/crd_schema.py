"""The CustomResourceDefinitions, made from the wire types. Pure; writing files is tools/gen_crds.py's business.

What pydantic emits is close to what the API server takes, but not the same: references have to be written out, "or
null" becomes "optional", and what no CRD may hold is refused here rather than by the first API server that sees it.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from penstock.api.v1alpha1 import GROUP, VERSION
from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.meta import SERVED_DEFAULT, ApiModel, ApiObject
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import BugError

_KEPT: Final = (
    "description", "type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems",
    "maxItems", "maxProperties", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-validations",
)  # fmt: skip
_READ: Final = frozenset(
    {*_KEPT, SERVED_DEFAULT, "$ref", "$defs", "title", "default", "const", "anyOf", "items", "properties", "required"}
    | {"additionalProperties", "propertyNames"}
)


# The API server knows these better than we do, and takes no word of ours on them.
_EVERY_OBJECT: Final[dict[str, Any]] = {
    "apiVersion": {"type": "string", "maxLength": 253},
    "kind": {"type": "string", "maxLength": 63},
    "metadata": {"type": "object"},
}


class InexpressibleType(BugError):
    """A wire type holds something that no CRD can say."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    kind: str = "string"
    wide: bool = False
    """Only with `-o wide`."""

    def to_wire(self) -> dict[str, Any]:
        """As the CRD says it."""
        column: dict[str, Any] = {"name": self.name, "type": self.kind, "jsonPath": self.path}
        return {**column, "priority": 1} if self.wide else column


_AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, slots=True)
class Kind:
    """All about a kind that its pydantic type does not say."""

    model: type[ApiObject]
    plural: str
    short_name: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    """Paths that `--field-selector` takes, beyond name and namespace."""

    @property
    def name(self) -> str:
        """The kind, as objects name it."""
        return self.model.__name__


KINDS: Final = (
    Kind(
        Workflow,
        "workflows",
        "pwf",
        columns=(
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            # Not of type date: kubectl prints those as time that has passed, and this one lies ahead.
            Column("Next-Run", ".status.nextAt"),
            Column("Revision", ".status.revision.name", wide=True),
            Column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True),
            _AGE,
        ),
    ),
    Kind(
        WorkflowRun,
        "workflowruns",
        "pwr",
        columns=(
            Column("Phase", ".status.phase"),
            Column("Progress", ".status.progress"),
            Column("Cached", ".status.cached", "integer"),
            Column("Waiting-For", ".status.waitingFor"),
            Column("Workflow", ".spec.workflow.name", wide=True),
            Column("Requested-By", ".spec.requestedBy.user", wide=True),
            Column("Error", ".status.error.reason", wide=True),
            _AGE,
        ),
        selectable=(".status.phase", ".spec.workflow.name"),
    ),
    Kind(
        ApprovalRequest,
        "approvalrequests",
        "apr",
        columns=(
            Column("Phase", ".status.phase"),
            Column("Run", ".spec.request.run.name"),
            Column("Step", ".spec.request.step"),
            # As with the next run of a Workflow.
            Column("Expires", ".spec.request.expiresAt"),
            Column("Message", ".spec.request.message", wide=True),
            _AGE,
        ),
        selectable=(".status.phase", ".spec.request.run.name"),
    ),
    Kind(
        Connection,
        "connections",
        "pconn",
        columns=(
            Column("Type", ".spec.type"),
            Column("URL", ".spec.url"),
            Column("Reachable", ".status.reachable", "boolean"),
            Column("Resources", ".status.resources", "integer"),
            Column("Looked-At", ".status.checkedAt", "date"),
            Column("Digest", ".status.digest", wide=True),
            Column("Message", '.status.conditions[?(@.type=="Reachable")].message', wide=True),
            _AGE,
        ),
        selectable=(".spec.type",),
    ),
)


def definitions() -> dict[str, dict[str, Any]]:
    """Every CustomResourceDefinition as JSON, by plural name."""
    return {kind.plural: definition(kind) for kind in KINDS}


def definition(kind: Kind) -> dict[str, Any]:
    """One CustomResourceDefinition as JSON. Raises InexpressibleType."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.to_wire() for column in kind.columns],
        "schema": {"openAPIV3Schema": structural_schema(kind.model)},
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": ["penstock"],
            },
            "versions": [version],
        },
    }


def structural_schema(model: type[ApiModel]) -> dict[str, Any]:
    """The structural schema of a wire type. Raises InexpressibleType for what the API server would refuse."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_WithDocstrings)
    if issubclass(model, ApiObject):
        ours = {name: child for name, child in schema["properties"].items() if name not in _EVERY_OBJECT}
        schema["properties"] = {**_EVERY_OBJECT, **ours}
    return _Converter(schema.get("$defs", {})).convert(schema, "")


class _WithDocstrings(GenerateJsonSchema):
    """Takes the description of a field from the docstring under it.

    pydantic can do that too (`use_attribute_docstrings`), but then reads the source at every start of every command.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model with descriptions."""
        made = super().model_schema(schema)
        cls = schema["cls"]
        if issubclass(cls, ApiModel):
            for name, text in _field_docstrings(cls).items():
                field = cls.model_fields.get(name)
                if field is not None:
                    made["properties"][field.alias or name]["description"] = text
        return made


def _field_docstrings(cls: type[ApiModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, ApiModel) and base is not ApiModel:
            found.update(_own_docstrings(base))
    return found


def _own_docstrings(cls: type[ApiModel]) -> dict[str, str]:
    try:
        source = inspect.getsource(cls)
    except OSError:
        return {}  # made at run time: there is no source to read
    tree = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for line, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value)
            # In one line: a break within a sentence would be a paragraph of its own in `kubectl explain`.
            found[line.target.id] = " ".join(inspect.cleandoc(text).split())
    return found


class _Converter:
    """From one JSON Schema document to a structural schema."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def convert(self, schema: Mapping[str, Any], path: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
        """One node; `above` are the references that lead here."""
        if "$ref" in schema:
            return self._follow(schema, path, above)
        if "anyOf" in schema:
            return self.convert(self._not_null(schema, path), path, above)
        unknown = schema.keys() - _READ
        if unknown:
            raise InexpressibleType(path, f"`{', '.join(sorted(unknown))}` cannot be said in a CRD")
        if schema.get("format", "date-time") != "date-time":
            # "duration" is ISO 8601 to pydantic and Go's own syntax to the API server.
            raise InexpressibleType(path, f"the format `{schema['format']}` may mean something else to the API server")
        made = {key: schema[key] for key in _KEPT if key in schema}
        if "const" in schema:
            made["enum"] = [schema["const"]]
        _add_default(made, schema)
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            self._add_children(made, schema, path, above)
            _require_bounds(made, path)
        return made

    def _follow(self, schema: Mapping[str, Any], path: str, above: tuple[str, ...]) -> dict[str, Any]:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name in above:
            raise InexpressibleType(path, f"{name} contains itself; a CRD cannot")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return self.convert({**self._definitions[name], **beside}, path, (*above, name))

    def _not_null(self, schema: Mapping[str, Any], path: str) -> dict[str, Any]:
        """`X | None` as plain X: absent is how a Kubernetes object says null."""
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise InexpressibleType(path, "a choice between types cannot be said in a CRD; use one optional field each")
        return {**choices[0], **{key: value for key, value in schema.items() if key != "anyOf"}}

    def _add_children(self, made: dict[str, Any], schema: Mapping[str, Any], path: str, above: tuple[str, ...]) -> None:
        if "items" in schema:
            made["items"] = self.convert(schema["items"], f"{path}[]", above)
        if "properties" in schema:
            made["properties"] = {
                name: self.convert(child, f"{path}.{name}", above) for name, child in schema["properties"].items()
            }
            if schema.get("required"):
                made["required"] = [name for name in schema["required"] if name != "metadata"]
        elif isinstance(schema.get("additionalProperties"), Mapping):
            self._add_map(made, schema, path, above)

    def _add_map(self, made: dict[str, Any], schema: Mapping[str, Any], path: str, above: tuple[str, ...]) -> None:
        value = self.convert(schema["additionalProperties"], f"{path}.*", above)
        names = schema.get("propertyNames", {}).get("enum")
        if names:
            made["properties"] = dict.fromkeys(names, value)
        else:
            made["additionalProperties"] = value


def _add_default(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """A default that the API server fills in, or a word on the one that we take."""
    default = schema.get("default")
    if SERVED_DEFAULT in schema:
        made["default"] = schema[SERVED_DEFAULT]
    elif isinstance(default, str | int | float) and default != "":
        shown = default if isinstance(default, str) else json.dumps(default).removesuffix(".0")
        made["description"] = f"{made.get('description', '')} Default: {shown}.".strip()


def _require_bounds(made: Mapping[str, Any], path: str) -> None:
    """Without bounds an object could grow without end, and the API server refuses rules over it as too costly."""
    kind = made.get("type")
    if kind == "string" and not ({"maxLength", "enum", "format"} & made.keys()):
        raise InexpressibleType(path, "a string needs max_length")
    if kind == "array" and "maxItems" not in made:
        raise InexpressibleType(path, "a list needs max_length")
    if "additionalProperties" in made and "maxProperties" not in made:
        raise InexpressibleType(path, "a map needs max_length")
