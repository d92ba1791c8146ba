"""Secrets and a ServiceAccount on a real node: a step has them, whoever reads along does not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.support.tenant import ALICE, MALLORY, Json, Tenant, a_run, a_step, a_workflow

PASSWORD = "hunter2/+ horse"


@pytest.fixture
def with_secret(tenant: Tenant) -> Tenant:
    """Of the Secrets db and mail alice may read the first one."""
    values = [f"--from-literal=password={PASSWORD}", "--from-literal=USER=orders"]
    tenant.admin("create", "secret", "generic", "db", *values)
    may_read(tenant, "db")
    return tenant


def may_read(tenant: Tenant, *names: str) -> None:
    words = [f"--resource-name={name}" for name in names]
    tenant.admin("create", "role", "reads", "--verb=get", "--resource=secrets", *words)
    tenant.admin("create", "rolebinding", "reads", "--role=reads", f"--user={ALICE.name}")


def key(name: str, key: str, **more: object) -> Json:
    return {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}


def test_a_step_has_them_and_what_it_says_does_not_show_them(with_secret: Tenant) -> None:
    tenant = with_secret
    source = """
    file="$(cat "$PENSTOCK_SECRETS/db/password")"
    [ "${#PASSWORD}" = 15 ] && [ "$DB_password" = "$PASSWORD" ] && [ "$file" = "$PASSWORD" ] || exit 3
    echo "as $DB_USER with $PASSWORD, $(printf %s "$PASSWORD" | base64)"
    output "$PASSWORD"
    """
    uses = {"env": [key("db", "password")], "envFrom": [{"prefix": "DB_", "secretRef": {"name": "db"}}]}
    step = a_step("work", source, runtime="bash", secrets=["db"], **uses)
    fails = a_step("fails", 'fail NO_LOGIN "not with $PASSWORD"', runtime="bash", env=[key("db", "password")])
    tenant.apply(a_workflow("logs-in", step, {**fails, "onFailure": "continue"}, secrets=["db"]))
    # Whoever runs it may not read the Secret.
    tenant.kubectl(MALLORY, "create", "-f", "-", stdin=a_run("run", "logs-in"))
    steps = tenant.finished("run")["status"]["steps"]

    assert steps["work"]["phase"] == "Succeeded", tenant.account("run")
    assert steps["work"]["output"] == "***"
    assert steps["fails"]["error"]["reason"] == "not with ***"
    log = tenant.admin("logs", "-l", "penstock.dev/run=run", "--tail=-1").stdout
    assert "as *** with ***, ***" in log
    everything = tenant.admin("get", "pwf,pwr,pods,jobs,configmaps,events", "-o", "json").stdout + log
    assert "hunter2" not in everything


@pytest.mark.parametrize(
    ("step", "said"),
    [
        pytest.param({"env": [key("db", "token")]}, "couldn't find key token in Secret", id="a key"),
        pytest.param({"envFrom": [{"secretRef": {"name": "mail"}}]}, 'secret "mail" not found', id="a Secret"),
        pytest.param({"secrets": ["mail"]}, 'secret "mail" not found', id="files of a Secret"),
    ],
)
def test_what_is_missing_fails_the_step_and_is_named(tenant: Tenant, step: Json, said: str) -> None:
    tenant.admin("create", "secret", "generic", "db", "--from-literal=password=x")
    may_read(tenant, "db", "mail")
    optional = key("db", "token", optional=True)
    tenant.apply(
        a_workflow(
            "lacks",
            a_step("fine", 'output "${PASSWORD-none}"', runtime="bash", env=[optional]),
            a_step("work", "true", runtime="bash", **step),
            secrets=["db", "mail"],
        )
    )
    run = tenant.finished(tenant.start("lacks"))
    assert run["status"]["error"]["code"] == "SECRET_MISSING", tenant.account("run")
    assert said in run["status"]["error"]["reason"]
    assert run["status"]["steps"]["fine"]["output"] == "none"


def test_a_definition_that_a_step_wrote_has_no_more_rights_than_whoever_asked(with_secret: Tenant) -> None:
    def child(secrets: Sequence[str]) -> str:
        spec = {"secrets": list(secrets), "steps": [a_step("inner", 'output "$USER"', runtime="bash")]}
        spec["steps"][0]["envFrom"] = [{"secretRef": {"name": name}} for name in secrets]
        return f"output '{json.dumps(spec)}'"

    tenant = with_secret
    for name, secrets in (("reads-db", ["db"]), ("reads-mail", ["mail"])):
        plan = a_step("plan", child(secrets), runtime="bash")
        carry_out = {"name": "carry_out", "needs": ["plan"], "workflow": {"specFrom": "steps.plan.output"}}
        tenant.apply(a_workflow(name, plan, carry_out))
        tenant.start(name, name=name)
    refused = tenant.finished("reads-mail")["status"]["error"]
    assert (refused["code"], refused["step"]) == ("REFUSED", "carry_out")
    assert "alice@example.com may not use Secret mail" in refused["reason"]
    done = tenant.finished("reads-db")["status"]
    assert (done["phase"], done["output"]) == ("Succeeded", "***")
