from __future__ import annotations

import pytest

from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.errors import NotPossible
from penstock.testing.builders import a_workflow
from penstock.testing.memory_world import MemoryWorld


async def test_a_template_is_not_run_itself():
    access = MemoryWorld().access("alice")
    template = a_workflow()
    labelled = template.metadata.model_copy(update={"labels": {"penstock.dev/template": "true"}})
    await access.workflows.apply(template.model_copy(update={"metadata": labelled}))
    with pytest.raises(NotPossible, match="template"):
        await SubmitRun(access, lambda: "x")(RunRequest("default", "order"))
