"""Secrets of a step in local mode: from a person's file to the program, and nowhere else."""

from __future__ import annotations

import pytest

from penstock.adapters.local.secret_folder import SecretMissing
from penstock.api.v1alpha1.secrets import EnvVar
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run, a_step, a_workflow
from tests.integration.local.attempts import STEP, a_new_run, ended, start_of
from tests.integration.local.conftest import Machine

PASSWORD = "hunter2/+ horse"
USES = {
    "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "PASSWORD"}}}],
    "envFrom": [{"prefix": "DB_", "secretRef": {"name": "db"}}],
    "secrets": ["db"],
}
TELLS = 'echo "$PASSWORD|$DB_USER|$(cat "$PENSTOCK_SECRETS/db/PASSWORD")"; output "$DB_PASSWORD"'


@pytest.fixture
def machine(machine: Machine) -> Machine:
    folder = machine.folder / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "db.env").write_text(f"USER=orders\nPASSWORD='{PASSWORD}'\n")
    (folder / "db.env").chmod(0o600)
    return machine


async def test_the_program_has_them_and_what_it_says_does_not_show_them(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, TELLS + '; [ "$PASSWORD" = "hunter2/+ horse" ]', **USES))
    found = await ended(backend, run)

    assert (found.phase, found.output) == (AttemptPhase.SUCCEEDED, "***")
    log = machine.directory.attempt(run.metadata.uid, AttemptId(STEP, 1)).log.read_text()
    assert log.startswith("***|***|***\n")


async def test_nothing_of_them_is_left_when_it_has_ended(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, TELLS, **USES))
    await ended(backend, run)
    await backend.close()
    machine.opened.remove(backend)

    left = [path for path in machine.directory.root.rglob("*") if path.is_file()]
    assert [path.name for path in left if PASSWORD.encode() in path.read_bytes()] == []


async def test_a_secret_that_has_gone_fails_its_attempt_and_starts_nothing(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    (machine.folder / "secrets" / "db.env").unlink()
    await backend.runner.start(run, start_of(run, f"touch {machine.folder}/started", **USES))
    found = await ended(backend, run)

    assert found.failure is not None
    assert found.failure.code == "SECRET_MISSING"
    assert f"{machine.folder}/secrets/db.env" in found.failure.reason
    assert not (machine.folder / "started").exists()


async def test_a_run_that_would_lack_one_is_not_created(machine: Machine):
    backend = machine.open()
    variable = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "mail", "key": "PASSWORD"}}}
    step = a_step("work", env=[EnvVar.model_validate(variable)])
    workflow = a_workflow(step, secrets=["mail"])
    await backend.access.workflows.apply(workflow)

    with pytest.raises(SecretMissing, match="Secret mail is missing"):
        await backend.access.runs.create(a_run(workflow))
    assert await backend.access.runs.list(None) == ()
