"""Makes an attempt exist, once: its Job, the parts of its document, what is signed for it, its pod, in this order.

The name of the Job is the fence. What stands there under that name is adopted only if it is ours to the letter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from penstock.adapters.kube import labels, manifests
from penstock.adapters.kube.attempt_sight import AttemptSight, decode_job, decode_pod
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.documents import InputDocument, input_document
from penstock.adapters.kube.manifests import PodSettings
from penstock.adapters.kube.objects import Job, Meta, Pod
from penstock.adapters.kube.resources import CONFIG_MAPS, JOBS, PODS, SECRETS
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.assertions import assertion
from penstock.engine.commands import StartAttempt
from penstock.errors import AlreadyExists, NotFound, UserError
from penstock.ports.access import Key
from penstock.ports.assertions import Signer
from penstock.ports.engine import Clock

Sign = Callable[[WorkflowRun, StartAttempt], Mapping[str, str]]
"""The variable with the assertion that an attempt needs, signed; empty where it needs none."""


def signing(signer: Signer, clock: Clock) -> Sign:
    """How assertions are made with this key."""
    return lambda run, command: assertion(
        signer, Key(run.metadata.namespace, run.metadata.name), run.metadata.uid, command, clock.now()
    )


class NameTaken(UserError):
    """The name of an attempt belongs to something that is not ours."""

    code = "JOB_NAME_CONFLICT"


class AttemptMaker:
    """Creates what is missing of an attempt, and nothing twice."""

    def __init__(
        self,
        client: KubeClient,
        sight: AttemptSight,
        settings: PodSettings,
        new_nonce: Callable[[], str],
        sign: Sign,
    ) -> None:
        """`sign` gives the variable with the assertion that an attempt of a run needs, empty where it needs none."""
        self._client = client
        self._sight = sight
        self._settings = settings
        self._new_nonce = new_nonce
        self._sign = sign

    async def make(self, run: WorkflowRun, command: StartAttempt) -> Job:
        """The attempt's Job, its pod made where that is ours to do. Raises NameTaken, UserError, TransientError."""
        job = self._sight.job(Key(run.metadata.namespace, command.name))
        # Before anything is there: an installation that signs nothing starts nothing.
        signed = self._sign(run, command)
        if job is None:
            job = await self._create_job(run, command)
        _check_ours(run, command, job)
        uid = job.metadata.uid
        if job.finished or self._sight.lost_pod(uid) or self._sight.pod_of(uid) is not None:
            return job
        # The nonce is the Job's own: after a crash it is not the one that this process would have rolled.
        document = input_document(command, job.metadata.annotations.nonce)
        await self._create_parts(run, command, document, uid)
        for token in signed.values():
            await self._create_secret(run, manifests.assertion_secret(run, command.name, document.nonce, token, uid))
        if job.spec.managed_by == labels.MANAGER:
            await self._create_pod(run, command, document, uid)
        return job

    async def _create_job(self, run: WorkflowRun, command: StartAttempt) -> Job:
        namespace = run.metadata.namespace
        document = input_document(command, self._new_nonce())
        body = manifests.job(run, command, document, self._settings)
        try:
            job = await self._client.create(JOBS.path(namespace), body, decode_job)
        except AlreadyExists:
            job = await self._client.get(JOBS.path(namespace, command.name), decode_job)
        self._sight.remember_job(job)
        return job

    async def _create_parts(self, run: WorkflowRun, command: StartAttempt, document: InputDocument, uid: str) -> None:
        bodies = manifests.config_maps(run, command.name, document, uid)
        await asyncio.gather(*(self._create_part(run.metadata.namespace, body) for body in bodies))

    async def _create_part(self, namespace: str, body: manifests.Manifest) -> None:
        name = body["metadata"]["name"]
        try:
            await self._client.create(CONFIG_MAPS.path(namespace), body, as_dict)
        except AlreadyExists:
            found = await self._client.get(CONFIG_MAPS.path(namespace, name), as_dict)
            # The harness checks the digest of the whole; here a clear word for what would end as a digest error.
            if found.get("data") != body["data"]:
                raise NameTaken(f"ConfigMap {namespace}/{name} is there and holds something else") from None

    async def _create_secret(self, run: WorkflowRun, body: manifests.Manifest) -> None:
        namespace, name = run.metadata.namespace, body["metadata"]["name"]
        try:
            await self._client.create(SECRETS.path(namespace), body, as_dict)
        except AlreadyExists:
            # From before a crash, and perhaps out of date. We may not read it; nobody's but our own can be deleted.
            with contextlib.suppress(NotFound):
                await self._client.delete(SECRETS.path(namespace, name), {})
            await self._client.create(SECRETS.path(namespace), body, as_dict)

    async def _create_pod(self, run: WorkflowRun, command: StartAttempt, document: InputDocument, uid: str) -> None:
        namespace = run.metadata.namespace
        body = manifests.pod(run, command, document, uid, self._settings)
        try:
            pod = await self._client.create(PODS.path(namespace), body, decode_pod)
        except AlreadyExists:
            pod = await self._client.get(PODS.path(namespace, command.name), decode_pod)
            _check_pod(pod, uid)
        self._sight.remember_pod(pod)


def _check_ours(run: WorkflowRun, command: StartAttempt, job: Job) -> None:
    meta: Meta = job.metadata
    owner = meta.controller
    ours = (
        owner is not None
        and owner.uid == run.metadata.uid
        and meta.annotations.digest == command.digest
        and meta.annotations.step == command.id.step
        and meta.labels.get(labels.RUN) == run.metadata.name
    )
    if not ours:
        raise NameTaken(f"Job {meta.namespace}/{meta.name} is there and is not this attempt; nothing was started")


def _check_pod(pod: Pod, job_uid: str) -> None:
    owner = pod.metadata.controller
    if owner is None or owner.uid != job_uid:
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        raise NameTaken(f"pod {name} is there and does not belong to this attempt; nothing was started")
