"""Secrets in Workflows: whoever writes one may read what it uses; whoever runs it need not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.e2e.guards.test_owned import a_pod
from tests.e2e.guards.test_restricted import UID, changed
from tests.support.cluster import OPERATOR, SYSTEM_NAMESPACE, Answer

Refused = Callable[[Answer, str], None]

SIXTEEN = tuple(f"secret-{number}" for number in range(16))


def may_get(tenancy: Tenancy, user: str, *names: str) -> None:
    """Let somebody read these Secrets, which need not exist."""
    words = [f"--resource-name={name}" for name in names]
    tenancy.admin("create", "role", f"reads-{user}", "--verb=get", "--resource=secrets", *words, check=True)
    tenancy.admin("create", "rolebinding", f"reads-{user}", f"--role=reads-{user}", f"--user={user}", check=True)


def a_spec(secrets: Sequence[str], source: str = "echo hello") -> dict[str, Any]:
    return {"secrets": list(secrets), "steps": [{"name": "hello", "script": {"runtime": "bash", "source": source}}]}


def a_workflow(*secrets: str, source: str = "echo hello") -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "orders"},
        "spec": a_spec(secrets, source),
    }


def a_run(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": "orders-1"},
        "spec": spec,
    }


def write(tenancy: Tenancy, user: str, workflow: dict[str, Any], verb: str = "create") -> Answer:
    return tenancy.kubectl(user, verb, "-f", "-", stdin=workflow)


class TestAuthors:
    def test_without_the_right_to_get_it_nobody_writes_it_down(self, tenancy: Tenancy, refused: Refused) -> None:
        may_get(tenancy, "author", "db")
        refused(write(tenancy, "alice", a_workflow("db")), "you may not use Secret db: whoever writes a Workflow needs")
        assert write(tenancy, "author", a_workflow("db")).returncode == 0

    @pytest.mark.parametrize("number", [0, 1, 14, 15])
    def test_each_of_sixteen_is_asked_for(self, tenancy: Tenancy, refused: Refused, number: int) -> None:
        may_get(tenancy, "author", *(name for name in SIXTEEN if name != SIXTEEN[number]))
        refused(write(tenancy, "author", a_workflow(*SIXTEEN)), f"you may not use Secret {SIXTEEN[number]}:")

    def test_sixteen_are_not_too_many_to_ask_for(self, tenancy: Tenancy) -> None:
        may_get(tenancy, "author", *SIXTEEN)
        made = write(tenancy, "author", a_workflow(*SIXTEEN))
        assert made.returncode == 0, made.stderr

    def test_seventeen_are(self, tenancy: Tenancy, refused: Refused) -> None:
        refused(write(tenancy, "author", a_workflow(*SIXTEEN, "secret-16")), "Too many: 17")

    def test_whoever_changes_what_its_steps_do_needs_the_right_too(self, tenancy: Tenancy, refused: Refused) -> None:
        may_get(tenancy, "author", "db")
        assert write(tenancy, "author", a_workflow("db")).returncode == 0
        other = a_workflow("db", source='echo "$PASSWORD" | rev')
        for verb in ("apply", "replace"):
            refused(write(tenancy, "alice", other, verb), "you may not use Secret db")
        assert tenancy.kubectl("alice", "label", "pwf", "orders", "team=sales").returncode == 0
        assert write(tenancy, "author", other, "replace").returncode == 0

    def test_one_more_is_asked_for_when_it_comes(self, tenancy: Tenancy, refused: Refused) -> None:
        may_get(tenancy, "author", "db")
        assert write(tenancy, "author", a_workflow("db")).returncode == 0
        refused(write(tenancy, "author", a_workflow("db", "mail"), "replace"), "you may not use Secret mail")

    def test_a_stolen_operator_writes_none_down(self, tenancy: Tenancy, refused: Refused) -> None:
        assert write(tenancy, "alice", a_workflow()).returncode == 0
        patch = json.dumps({"spec": {"secrets": ["db"]}})
        answer = tenancy.operator("patch", "pwf", "orders", "--type=merge", "-p", patch, check=False)
        refused(answer, "you may not use Secret db")


class TestRuns:
    def test_whoever_runs_the_workflow_need_not_read_it(self, tenancy: Tenancy) -> None:
        may_get(tenancy, "author", "db")
        assert write(tenancy, "author", a_workflow("db")).returncode == 0
        made = write(tenancy, "runner", a_run(workflow={"name": "orders"}))
        assert made.returncode == 0, made.stderr

    def test_whoever_brings_a_definition_along_is_its_author(self, tenancy: Tenancy, refused: Refused) -> None:
        run = a_run(inline=a_spec(["db"]))
        refused(write(tenancy, "inliner", run), "you may not use Secret db")
        may_get(tenancy, "inliner", "db")
        assert write(tenancy, "inliner", run).returncode == 0

    def test_sixteen_in_one_are_not_too_many_to_ask_for(self, tenancy: Tenancy) -> None:
        may_get(tenancy, "inliner", *SIXTEEN)
        made = write(tenancy, "inliner", a_run(inline=a_spec(SIXTEEN)))
        assert made.returncode == 0, made.stderr

    def test_the_operator_has_asked_in_the_name_of_whoever_asked_for_the_parent(self, tenancy: Tenancy) -> None:
        parent = {"run": "orders", "uid": "1", "step": "a", "attempt": 1, "digest": "sha256:0", "lineage": []}
        run = a_run(inline=a_spec(["db"]), parent=parent, requestedBy={"user": "runner", "groups": []})
        assert tenancy.operator("create", "-f", "-", stdin=run).returncode == 0


USES = [
    pytest.param("volumes", [{"name": "v", "secret": {"secretName": "db"}}], id="as files"),
    pytest.param(
        "containers.0.env",
        [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}],
        id="as a variable",
    ),
    pytest.param("containers.0.envFrom", [{"secretRef": {"name": "db"}}], id="as variables"),
]


@pytest.mark.parametrize(("path", "value"), USES)
class TestPods:
    def test_a_step_may_have_them(self, tenancy: Tenancy, path: str, value: object) -> None:
        pod = changed(a_pod("localhost/pause:1", UID), f"spec.{path}", value)
        tenancy.operator("create", "--dry-run=server", "-f", "-", stdin=pod)

    def test_but_never_those_of_the_installation(
        self, tenancy: Tenancy, refused: Refused, path: str, value: object
    ) -> None:
        pod = changed(a_pod("localhost/pause:1", UID), f"spec.{path}", value)
        words = ("-n", SYSTEM_NAMESPACE, "create", "--dry-run=server", "-f", "-")
        answer = tenancy.cluster.kubectl(*words, as_user=OPERATOR, stdin=pod, check=False)
        refused(answer, "runs in the namespace of this installation have no Secrets")
