"""Expressions that take for ever: refused where that can be seen before, ended where not, and never in others' way."""

from __future__ import annotations

from tests.support.tenant import Tenant, a_step, a_workflow

INPUTS = {"type": "object", "properties": {"n": {"type": "array", "maxItems": 3_000, "items": {"type": "integer"}}}}
LOOP = "context.n.map(a, context.n.map(b, a + b)).size() == 0"
SLOW, OTHERS = 3, 3


def test_a_workflow_with_three_loops_inside_each_other_is_not_ready(tenant: Tenant) -> None:
    loops = "context.n.map(a, context.n.map(b, context.n.map(c, a + b + c))).size() == 0"
    tenant.apply(a_workflow("deep", a_step("work", "output(1)", when=loops), inputs=INPUTS), ready=False)

    tenant.workflow_says("deep", "Ready=False")
    (ready,) = tenant.cluster.read("-n", tenant.namespace, "workflow", "deep")["status"]["conditions"]
    assert "It has 3 loops (such as `map`) inside each other; 2 are the limit." in ready["message"]


def test_slow_expressions_end_in_errors_and_other_runs_go_on(tenant: Tenant) -> None:
    tenant.apply(a_workflow("slow", a_step("work", "output(1)", when=LOOP), inputs=INPUTS))
    sums = "context.n.map(x, x + 1).size() == 2"
    tenant.apply(a_workflow("order", a_step("work", "output(1)", when=sums), inputs=INPUTS))

    slow = [tenant.start("slow", {"n": list(range(1_900))}, name=f"slow-{number}") for number in range(SLOW)]
    others = [tenant.start("order", {"n": [1, 2]}, name=f"order-{number}") for number in range(OTHERS)]
    long = tenant.start("slow", {"n": list(range(2_001))}, name="long")

    assert [tenant.finished(name)["status"]["phase"] for name in others] == ["Succeeded"] * OTHERS
    for name in slow:
        error = tenant.finished(name)["status"]["error"]
        assert (error["code"], error["step"]) == ("EXPRESSION_ERROR", "work")
        assert error["reason"].startswith(f"when: `{LOOP}`: it took longer than 2 s")
    assert "context.n has 2,001 elements" in tenant.finished(long)["status"]["error"]["reason"]
