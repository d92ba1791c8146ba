"""Steps that run once for each item of a list, on the real cluster: scripts, containers, and runs of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import OPERATOR, Cluster, wait_for
from tests.support.command_line import CommandLine, output_of
from tests.support.installation import Images, Installation
from tests.support.tenant import LEAD, Tenant, a_step, a_workflow

ROWS = {"type": "object", "properties": {"rows": {"type": "array"}}}
BAD = (17, 250, 251, 600, 999)
EACH = f"""\
if item["n"] in {BAD}: fail("NO_STOCK", f"row {{item['n']}} is sold out")
output({{"n": item["n"], "twice": 2 * item["n"]}})
"""
CHECK = """\
rows = steps.each.output
output({
    "in_order": all(row is None or row == {"n": at, "twice": 2 * at} for at, row in enumerate(rows)),
    "count": len(rows),
    "without": [at for at, row in enumerate(rows) if row is None],
})
"""


@pytest.fixture
def penstock(cluster: Cluster, tmp_path: Path) -> CommandLine:
    return CommandLine(cluster.kubeconfig, tmp_path)


def size(value: Any) -> int:
    """Bytes of the object as the API server keeps it, less who wrote which field."""
    plain = {**value, "metadata": {**value["metadata"], "managedFields": None}}
    return len(json.dumps(plain, separators=(",", ":")))


def test_a_thousand_items_in_twenty_pods_of_which_five_fail(tenant: Tenant) -> None:
    over = {"forEach": "steps.list.output", "itemsPerPod": 50, "maxParallel": 4, "itemFailures": {"tolerated": 5}}
    tenant.apply(
        a_workflow(
            "thousand",
            a_step("list", "output([{'n': n} for n in range(1000)])"),
            a_step("each", EACH, needs=["list"], **over),
            a_step("check", CHECK, needs=["each"]),
        )
    )
    run = tenant.finished(tenant.start("thousand"), seconds=120)
    assert run["status"].get("error") is None
    assert run["status"]["output"] == {"in_order": True, "count": 1000, "without": list(BAD)}
    items = run["status"]["steps"]["each"]["items"]
    assert (items["progress"], items["failed"]) == ("1000/1000", "17,250-251,600,999")
    assert sorted((each["index"], each["code"]) for each in items["failures"]) == [(at, "NO_STOCK") for at in BAD]
    assert len([job for job in tenant.of_run("job", "run") if "-each-" in job["metadata"]["name"]]) == 20
    assert size(run) < 64 * 1024


def test_containers_and_runs_for_each_item_behind_one_gate(tenant: Tenant, installation: Installation) -> None:
    images: Images = installation.images
    writes = 'printf \'{"name": "%s", "place": "%s"}\' "$1" "$PLACE" > "$PENSTOCK_OUTPUT"'
    container = {
        "image": images.runtimes["bash"],
        "command": ["/bin/bash", "-c"],
        "args": [writes, "sh", "{{ item.name }}"],
    }
    name_each = {
        "name": "name_each",
        "forEach": "context.rows",
        "container": container,
        "env": [{"name": "PLACE", "value": "{{ itemIndex + 1 }} of {{ size(context.rows) }}"}],
    }
    run_each = {
        "name": "run_each",
        "needs": ["name_each"],
        "forEach": "steps.name_each.output",
        "maxParallel": 2,
        "itemFailures": {"tolerated": 1},
        "requiresApproval": {"approvers": {"users": [LEAD.name]}},
        "workflow": {"name": "inner", "context": {"row": "{{ item }}"}},
    }
    inner = {"type": "object", "required": ["row"], "properties": {"row": {"type": "object"}}}
    refuses = 'if context.row["name"] == "nut": fail("NO_STOCK", "no nuts")\noutput(context.row["name"].upper())'
    tenant.apply(a_workflow("inner", a_step("work", refuses), inputs=inner))
    tenant.apply(a_workflow("outer", name_each, run_each, inputs=ROWS))
    tenant.start("outer", {"rows": [{"name": "bolt"}, {"name": "nut"}, {"name": "$(id) $(PLACE)"}]})

    waiting = tenant.phase("run", "Waiting")
    assert waiting["status"]["steps"]["name_each"]["output"] == [
        {"name": "bolt", "place": "1 of 3"},
        {"name": "nut", "place": "2 of 3"},
        {"name": "$(id) $(PLACE)", "place": "3 of 3"},
    ]
    assert tenant.vote(LEAD, tenant.gate(waiting, "run_each")).returncode == 0
    run = tenant.finished("run")
    assert run["status"].get("output") == ["BOLT", None, "$(ID) $(PLACE)"]
    assert len(tenant.of_run("approvalrequest", "run")) == 1
    [failure] = run["status"]["steps"]["run_each"]["items"]["failures"]
    assert (failure["index"], failure["code"]) == (1, "NO_STOCK")


def test_what_an_item_printed_is_found_and_a_retry_runs_only_what_is_left(
    tenant: Tenant, penstock: CommandLine
) -> None:
    source = """\
print(f"row {item} of {run.name}")
if item == 3 and run.name == "run": fail("NO_STOCK", "sold out")
output(10 * item)
"""
    rows = {"forEach": "[0, 1, 2, 3, 4, 5]", "itemsPerPod": 2, "maxParallel": 1}
    tenant.apply(a_workflow("rows", a_step("each", source, **rows)))
    tenant.start("rows")
    assert tenant.finished("run")["status"]["error"]["code"] == "ITEMS_FAILED"
    name = f"{tenant.namespace}/run"
    printed = "row 2 of run\nrow 3 of run\n"
    live = penstock("logs", name, "each", "--item", "3")
    assert live.stdout == printed, output_of(live)
    assert "failed: 3" in penstock("logs", name, "each").stderr

    wait_for(
        lambda: any("-logs-" in each["metadata"]["name"] for each in tenant.of_run("configmap", "run")),
        seconds=60,
        what=lambda: tenant.account("run"),
    )
    tenant.cluster.kubectl("-n", tenant.namespace, "delete", "pod", "--all", "--wait=true", as_user=OPERATOR)
    kept = penstock("logs", name, "each", "--item", "3")
    assert kept.stdout == printed, output_of(kept)
    explained = penstock("explain", name).stdout
    assert "item 3: sold out (NO_STOCK)" in explained
    assert "| row 3 of run" in explained

    asked = penstock("retry", name, "-o", "json")
    again = json.loads(asked.stdout)["run"].rpartition("/")[2]
    status = tenant.finished(again)["status"]
    assert (status.get("output"), status["steps"]["each"]["items"]["carried"]) == ([0, 10, 20, 30, 40, 50], "0-2")
    batches = [job["metadata"]["annotations"]["penstock.dev/batch"] for job in tenant.of_run("job", again)]
    assert sorted(batches) == ["1", "2"]
    once_more = penstock("logs", f"{tenant.namespace}/{again}", "each", "--item", "3")
    assert once_more.stdout == f"row 3 of {again}\n"
    assert "was taken over" in penstock("logs", f"{tenant.namespace}/{again}", "each", "--item", "2").stderr
