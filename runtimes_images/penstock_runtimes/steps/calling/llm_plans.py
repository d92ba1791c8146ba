"""Plans: Workflows that a model writes. What they may hold, whether they compile, how they read to a person."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .llm_text import clean

Json = dict[str, Any]
STEP_FIELDS = frozenset(
    {"name", "needs", "when", "forEach", "maxParallel", "itemsPerPod", "itemFailures", "onFailure", "retry", "timeout"}
)
"""What a planned step may say beside what it does."""
KINDS = ("http", "sql", "llm", "wait", "workflow")
NOBODY = "nobody is named who could approve further steps, so this plan cannot have any"
MAX_STEPS = 30
MAX_TEXT = 3500
"""Characters of the plan as a person reads it; a gate's message has 4,096."""
SECONDS = 60
"""For one look at a plan by the compiler."""
INSTRUCTIONS = """\
Write a plan: the steps that do what is asked, as the spec of a Workflow. Use only these Connections: {connections}.
A step has a name (a letter, then letters, digits, _), `needs` (names of steps that come before), and exactly one of
- http: {{connection, method, path, filters: [{{name, op, val}}], query, body, paginate: {{}}}}. `filters` select rows;
  with `paginate` the output is {{rows: […]}}, without it {{status, body}}.
- llm: {{connection, prompt, data: {{name: value}}, outputSchema}}, to judge what no expression can; output {{answer}}.
{workflows}- workflow: {{specFrom: "steps.NAME.output.spec"}}, to run the further steps that the llm step NAME, one with
  `plans: {{connections: […]}}`, adds once it sees earlier results in its data. People are asked before they run.
`when: EXPRESSION` runs a step only if that is true; `forEach: EXPRESSION` runs it for each element of a list, which is
`item` in it. Expressions are CEL over steps.NAME.output; texts inside http and llm hold them as "{{{{ EXPRESSION }}}}".
Examples of expressions: steps.orders.output.rows, item.attributes.customer_id,
steps.orders.output.rows.exists(row, row.attributes.amount_total > 500.0),
steps.orders.output.rows.filter(row, row.attributes.date_shipped == null).
No scripts, no secrets, no addresses. `summary` says in one sentence for whoever approves what the plan does."""
WORKFLOWS = """\
- workflow: {{name, context: {{input: value}}}}, to run one of these Workflows: {names}. Data named `tools` says what
  each does and which inputs it takes; its output is whatever it gives back.
"""


class Plans:
    """The plans that one step may bring forth."""

    schema: Json = {
        "type": "object",
        "properties": {
            "summary": {"type": "string", "maxLength": 500},
            "spec": {
                "type": "object",
                "properties": {"steps": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
                "required": ["steps"],
            },
        },
        "required": ["summary", "spec"],
    }
    """What a model answers with."""

    def __init__(self, allowed: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self._connections = tuple(allowed["connections"])
        self._workflows = tuple(allowed.get("workflows", ()))
        self._approvers = allowed.get("approvers")
        self._say = say
        runnable = WORKFLOWS.format(names=", ".join(self._workflows)) if self._workflows else ""
        self.instructions = INSTRUCTIONS.format(connections=", ".join(self._connections), workflows=runnable)

    def problems(self, answer: Any) -> list[str]:
        """What keeps an answer from being a plan that may run."""
        from .llm_schemas import problems_of

        found = problems_of(self.schema, answer) or list(self._refusals(answer["spec"]))
        found = found or compiled(self._completed(answer["spec"]))
        self._say(f"A plan with {len(found)} problems." if found else "The plan compiles.")
        return found

    def output(self, answer: Json) -> Json:
        """`spec` to run, with an output that accrues those of its steps; `text` to read; `summary`."""
        spec = self._completed(answer["spec"])
        summary = clean(answer["summary"])
        return {"spec": spec, "summary": summary, "text": readable(summary, spec)}

    def _completed(self, spec: Json) -> Json:
        """The spec with an output that accrues what came of each step, and with gates as the author names them."""
        outputs = ", ".join(f'"{step.get("name")}": steps.{step.get("name")}' for step in spec["steps"])
        steps = [self._gated(step) for step in spec["steps"]]
        return {"outputs": {"from": f"{{{outputs}}}"}, **spec, "steps": steps}

    def _gated(self, step: Json) -> Json:
        if "specFrom" in step.get("workflow", {}):
            planned = str(step["workflow"]["specFrom"]).removesuffix(".spec")
            return {**step, "requiresApproval": {"approvers": self._approvers, "message": f"{{{{ {planned}.text }}}}"}}
        if step.get("llm", {}).get("plans"):
            plans = {**step["llm"]["plans"], "approvers": self._approvers}
            return {**step, "llm": {**step["llm"], "plans": plans}}
        return step

    def _refusals(self, spec: Json) -> Iterator[str]:
        """What compiles, and is still nothing for a plan that a model wrote."""
        if other := sorted(set(spec) - {"steps", "description", "outputs"}):
            yield f"{other[0]}: a plan has `steps`, and nothing of its own but `description` and `outputs`"
        if len(spec["steps"]) > MAX_STEPS:
            yield f"steps: {len(spec['steps'])} are too many; {MAX_STEPS} is the limit. Use forEach"
        planners = [step.get("name") for step in spec["steps"] if _plans_further(step)]
        for index, step in enumerate(spec["steps"]):
            yield from (f"steps[{index}]{problem}" for problem in self._step_refusals(step, planners))

    def _step_refusals(self, step: Json, planners: list[Any]) -> Iterator[str]:
        kinds = [name for name in step if name not in STEP_FIELDS]
        if other := [name for name in kinds if name not in KINDS]:
            yield f".{other[0]}: not in a plan; a step has one of {', '.join(KINDS)}"
            return
        for kind in kinds:
            yield from self._call_refusals(kind, step, planners)

    def _call_refusals(self, kind: str, step: Json, planners: list[Any]) -> Iterator[str]:
        call = step[kind]
        if not isinstance(call, dict):
            yield f".{kind}: an object is meant"
            return
        if kind == "workflow":
            yield from self._run_refusals(call, planners)
        elif call.get("plans") is not None and not isinstance(call["plans"], dict):
            yield f".{kind}.plans: an object is meant, such as {{connections: [{', '.join(self._connections)}]}}"
        elif call.get("plans") and self._approvers is None:
            yield f".{kind}: {NOBODY}"
        if kind in ("http", "sql", "llm"):
            yield from self._foreign(kind, "Connection", self._connections, [call.get("connection")])
            yield from self._foreign(kind, "Connection", self._connections, _planned_with(call, "connections"))
            yield from self._foreign(kind, "Workflow", self._workflows, _planned_with(call, "workflows"))

    def _run_refusals(self, call: Json, planners: list[Any]) -> Iterator[str]:
        if self._workflows and "name" in call and set(call) <= {"name", "context"}:
            yield from self._foreign("workflow", "Workflow", self._workflows, [call["name"]])
        elif set(call) != {"specFrom"}:
            also = ", or a Workflow by `name` with its `context`" if self._workflows else ""
            yield f".workflow: a plan runs what its own llm steps add, with `specFrom`{also}, and nothing else"
        elif self._approvers is None:
            yield f".workflow: {NOBODY}"
        elif call["specFrom"] not in [f"steps.{name}.output.spec" for name in planners]:
            # Anything else was not held against what a plan may hold: an answer of another system, for one.
            yield ".workflow.specFrom: it names no llm step of this plan with `plans`: `steps.NAME.output.spec`"

    def _foreign(self, kind: str, what: str, known: tuple[str, ...], names: list[Any]) -> Iterator[str]:
        for name in names:
            if name not in known:
                yield f".{kind}: the {what} `{name}` is not for this plan; these are: {', '.join(known) or 'none'}"


def _plans_further(step: Json) -> bool:
    llm = step.get("llm")
    return isinstance(llm, dict) and bool(llm.get("plans"))


def _planned_with(call: Json, field: str) -> list[Any]:
    """The names of one kind that further plans of a call may use."""
    plans = call.get("plans")
    found = plans.get(field, []) if isinstance(plans, dict) else []
    return found if isinstance(found, list) else [found]


def compiled(spec: Json) -> list[str]:
    """What the compiler finds wrong with a plan, each with its place and what to write instead."""
    document = {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "plan"},
        "spec": spec,
    }
    # A process of its own: the compiler is the same one that judges every Workflow, and nothing of it is imported here.
    command = [sys.executable, "-m", "penstock.cli.main", "validate", "-", "-o", "json"]
    ran = subprocess.run(
        command,
        input=_as_yaml(document),
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    try:
        (report,) = json.loads(ran.stdout)
    except ValueError:
        raise RuntimeError(f"the compiler gave no report: {ran.stderr.strip()[-500:]}") from None
    return [f"{each['field']}: {each['message']} {each['fix']}".strip() for each in report["problems"]]


_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML has no room for, or takes for the end of a line."""


def _as_yaml(document: Json) -> str:
    """JSON that is YAML, too: that knows no pairs of surrogates, by which JSON escapes what is beyond U+FFFF."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(document, ensure_ascii=False))


def _environment() -> dict[str, str]:
    """What the compiler is started with: in an image it is where that keeps its packages."""
    environment = dict(os.environ)  # noqa: TID251 - hands it on
    packages = Path(__file__).resolve().parents[2] / "packages"
    return {**environment, "PYTHONPATH": str(packages)} if packages.is_dir() else environment


def readable(summary: str, spec: Json) -> str:
    """A plan as a person reads it: a numbered line for each step, with what it calls and when.

    Every step is there, however long another one is, and none of them can write the line of another.
    """
    head = f"{_line(summary)}\n"
    told = ["\n".join(_told(number, step)) for number, step in enumerate(spec["steps"], 1)]
    room = MAX_TEXT - len(head) - len(told)
    if sum(map(len, told)) > room:
        share = _share([len(each) for each in told], room)
        told = [each if len(each) <= share else f"{each[: share - 1]}…" for each in told]
        told.append("(cut: the whole plan is in the output of the step that planned)")
    return "\n".join([head, *told])


def _told(number: int, step: Json) -> Iterator[str]:
    yield f"{number}. {_line(step['name'])}: {_line(_deed(step))}"
    yield from (f"   {word} {_line(str(step[field]))}" for field, word in _WHEN.items() if field in step)
    if needs := step.get("needs"):
        yield f"   after {', '.join(needs)}"


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _share(lengths: list[int], room: int) -> int:
    """What the longest may have at most, so that all have room and none is cut for less."""
    for left, length in zip(range(len(lengths), 0, -1), sorted(lengths), strict=True):
        if length * left > room:
            return room // left
        room -= length
    return max(lengths)


_WHEN = {"when": "only if", "forEach": "for each of"}


def _deed(step: Json) -> str:
    if (http := step.get("http")) is not None:
        chosen = [
            f"{each['name']} {each.get('op', 'eq')} {_short(each.get('val'))}" for each in http.get("filters", ())
        ]
        parts = [http.get("method", "GET"), http.get("path", "/"), "of", http["connection"]]
        parts += ["where " + " and ".join(chosen)] if chosen else []
        parts += ["with " + _short(http["query"])] if http.get("query") else []
        parts += ["sending " + _short(http["body"])] if "body" in http else []
        return " ".join(parts)
    if (sql := step.get("sql")) is not None:
        return f"in {sql['connection']}: {sql['statement']} with {_short(sql.get('parameters', {}))}"
    if (llm := step.get("llm")) is not None:
        verb = "plan further steps" if llm.get("plans") else "ask"
        return f"{verb} by {llm['connection']}: {llm['prompt']}"
    if (child := step.get("workflow")) is not None:
        if "specFrom" in child:
            return f"run {child['specFrom']}, once that is approved"
        return f"run the Workflow {child['name']} with {_short(child.get('context', {}))}"
    return f"wait {_short(step.get('wait'))}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:400]}…"
