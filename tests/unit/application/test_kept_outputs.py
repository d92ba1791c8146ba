"""A run for people, with its output wherever that is kept."""

from __future__ import annotations

from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.application.kept_outputs import with_output
from penstock.application.outcomes import outcome
from penstock.engine.digests import OUTPUT_SCHEME, canonical, digest_of
from penstock.testing.builders import a_run
from penstock.testing.memory_world import MemoryWorld

TEXT = canonical({"id": 7})
REF = OutputReference(name="order-1-0123", digest=digest_of(OUTPUT_SCHEME, TEXT), size=len(TEXT))
RUN = a_run().model_copy(update={"status": WorkflowRunStatus(phase="Succeeded", output_ref=REF)})


async def told(world):
    shown = await with_output(world.access("bob"), RUN)
    return outcome(shown.run, unread=shown.unread)


async def test_an_output_that_is_kept_elsewhere_is_told_like_any_other():
    world = MemoryWorld()
    world.outputs.texts[RUN.metadata.uid, REF.name] = TEXT
    assert await told(world) == {"status": "success", "output": {"id": 7}, "run": "default/order-1"}


async def test_an_output_that_cannot_be_read_is_told_to_be_there_and_why():
    answer = await told(MemoryWorld())
    assert (answer["status"], answer["output"]) == ("success", None)
    assert answer["message"] == (
        "The output (8 bytes, kept as default/order-1-0123) cannot be read: output order-1-0123 is gone"
    )
