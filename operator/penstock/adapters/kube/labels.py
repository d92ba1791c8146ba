"""Labels and annotations by which our objects are known. Policies and selectors spell the same."""

from __future__ import annotations

RUN = "penstock.dev/run"
"""Label of Jobs, pods, ApprovalRequests, ConfigMaps: the name of their run."""
WORKFLOW = "penstock.dev/workflow"
"""Label of revisions: the name of their Workflow."""
STEP = "penstock.dev/step"
"""Annotation: name of the step (a label could not end in an underscore)."""
ATTEMPT = "penstock.dev/attempt"
"""Annotation: number of the attempt."""
BATCH = "penstock.dev/batch"
"""Annotation: which batch of items; only where the step is fanned out."""
DIGEST = "penstock.dev/digest"
"""Annotation: attemptDigest, revisionDigest or outputDigest."""
NONCE = "penstock.dev/nonce"
"""Annotation: what the attempt's result record must carry."""
DOCUMENT = "penstock.dev/document"
"""Annotation of a pod: its input document, projected into the container."""

OUTPUT_FROM = "penstock.dev/output-from"
"""Annotation of attempts without a harness: where their output comes from."""

MANAGER = "penstock.dev/operator"
"""`spec.managedBy` of our Jobs, and field manager of our writes."""
