"""What penstock doctor says of telling other systems who asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.adapters.kube.doctor_signing import Signing, asking, with_signing, without_signing
from penstock.application.diagnosis import Level

UPGRADE = "helm upgrade"
WELL = Signing("system:serviceaccount:penstock-system:penstock-operator", [], [], published=True)


def connection(name: str, **auth: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"type": "json-api", **({"auth": auth} if auth else {})}}


def test_a_connection_that_asks_for_it_is_told_apart():
    assert asking([connection("a"), connection("b", onBehalfOf={}), connection("c", secretRef={"name": "x"})]) == ["b"]


def test_without_a_key_it_is_wrong_only_where_somebody_asks_for_it():
    assert without_signing([], "sales", UPGRADE).level is Level.OK
    found = without_signing(["shop"], "sales", UPGRADE)
    assert (found.level, "shop of sales" in found.message) == (Level.FAIL, True)
    assert "--set onBehalfOf.enabled=true" in found.advice


def test_with_everything_in_place_it_is_well():
    assert with_signing(WELL, UPGRADE).level is Level.OK


@pytest.mark.parametrize(
    ("seen", "level", "says", "advises"),
    [
        (
            replace(WELL, lacking=["create secrets"]),
            Level.FAIL,
            "may not create secrets",
            "penstock-operator-assertions",
        ),
        (replace(WELL, unguarded=["a is not bound"]), Level.FAIL, "a is not bound", "onBehalfOf.enabled=true"),
        (replace(WELL, published=False), Level.WARN, "nobody publishes", "mcp.enabled=true"),
    ],
)
def test_what_lacks_is_said_with_what_to_do(seen: Signing, level: Level, says: str, advises: str):
    found = with_signing(seen, UPGRADE)
    assert found.level is level
    assert says in found.message
    assert advises in found.advice
