"""Plans by content: compiling is done once for each content, not once for each pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from penstock.api.v1alpha1.compile import Compiled, compile_workflow
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application.check_context import check_context

MAX_CACHED = 1024


class PlanBook:
    """Compiles Workflows and remembers the outcome by the caller's key (a revision's digest, a run's uid)."""

    def __init__(self, images: Mapping[str, str], check_expression: Callable[[str], str | None]) -> None:
        self._images = images
        self._check_expression = check_expression
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()

    def compile(self, spec: WorkflowSpec) -> Compiled:
        """The plan of this content, or every problem that it has."""
        return compile_workflow(
            spec, images=self._images, check_expression=self._check_expression, check_context=check_context
        )

    def lookup(self, key: str, spec: WorkflowSpec) -> Compiled:
        """The same, remembered under `key`: equal keys must mean equal content."""
        known = self._compiled.get(key)
        if known is None:
            known = self._compiled[key] = self.compile(spec)
            if len(self._compiled) > MAX_CACHED:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return known
