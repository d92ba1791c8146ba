from __future__ import annotations

import hashlib
import json

from penstock.adapters.kube.documents import ANNOTATION_LIMIT, PART_LIMIT, input_document
from tests.unit.adapters.kube.samples import NONCE, a_live_run, a_start

RUN = a_live_run()


def test_the_document_holds_program_input_and_nonce():
    text = input_document(a_start(RUN, timeoutSeconds=5.0), NONCE).text

    fields = json.loads(text)
    assert fields["version"] == 1
    assert (fields["runtime"], fields["source"], fields["nonce"]) == ("python", "output(1)", NONCE)
    assert (fields["context"], fields["step"], fields["timeoutSeconds"]) == ({"order_total": 99.5}, "charge", 5.0)
    # What concerns the pod is no business of the program's.
    assert not {"image", "env", "resources"} & fields.keys()


def test_equal_attempts_give_equal_bytes():
    assert input_document(a_start(RUN), NONCE) == input_document(a_start(RUN), NONCE)


def test_the_digest_is_of_the_bytes():
    document = input_document(a_start(RUN, source="print('ä')"), NONCE)

    assert document.sha256 == hashlib.sha256(document.text.encode()).hexdigest()


def test_a_small_document_needs_no_parts():
    assert input_document(a_start(RUN), NONCE).parts == ()


def test_a_large_document_is_cut_and_nothing_is_lost():
    document = input_document(a_start(RUN, source="ä" * PART_LIMIT), NONCE)

    assert len(document.text) > ANNOTATION_LIMIT
    assert "".join(document.parts) == document.text
    assert all(len(part.encode()) <= PART_LIMIT for part in document.parts)
