"""Jobs, pods and ConfigMaps of attempts, as the API server is asked to make them. Pure; golden-tested.

Every pod keeps to Pod Security `restricted`, has no ServiceAccount token unless its Workflow asks for one, and can
write nowhere but into one folder of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from penstock.adapters.kube import labels
from penstock.adapters.kube.documents import InputDocument
from penstock.adapters.kube.pod_volumes import (
    CA_FILE,
    IN,
    SECRETS,
    TMP,
    WORK,
    Volume,
    part_file,
    part_name,
    volumes,
)
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.trace_context import VARIABLE, handed_on
from penstock.engine.commands import StartAttempt
from penstock.engine.rules.deadlines import START_ALLOWANCE
from penstock.engine.secret_references import ASSERTION, ASSERTION_KEY, FOLDER_VARIABLE, VARIABLE_PREFIX
from penstock.errors import InvalidInput

Manifest = dict[str, Any]

CONTAINER = "step"
ASSERTION_TYPE = "penstock.dev/assertion"
"""Type of the only Secrets that the operator may make."""
_USER = 65532
_DOCUMENT = "PENSTOCK_DOCUMENT"
MESSAGE = "/dev/termination-log"
"""Where Kubernetes takes a termination message from, unless it is told another place."""
_FROM_DEFAULTS = ("nodeSelector", "tolerations", "runtimeClassName", "serviceAccountName")
"""Fields of a pod that a Workflow may set; nothing else of `podDefaults` reaches a pod."""
_STOP_SECONDS = 10
"""The harness gives a program five seconds between SIGTERM and SIGKILL, and then reports."""


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What an installation decides about all pods of steps."""

    managed: bool = True
    """The operator creates the pods; else the built-in Job controller does."""
    dns_policy: str = "ClusterFirst"
    ca_bundle: str = ""
    """Name of a ConfigMap with `ca.crt`, in each namespace; empty for none."""
    cpu_request: str = "50m"
    memory_request: str = "64Mi"
    memory_limit: str = "512Mi"
    in_memory: frozenset[str] = frozenset()
    """Runtimes whose steps do with the memory that a pod has for files, unless they install or ask for something."""
    trace_share: float | None = None
    """How many runs are recorded of those that nobody traces already; None: no spans are sent."""
    longest_attempt: timedelta = timedelta(days=7)
    """For steps without a timeout: a pod that nobody watches any more must end some day."""


def job(run: WorkflowRun, command: StartAttempt, document: InputDocument, settings: PodSettings) -> Manifest:
    """The Job of an attempt."""
    spec: Manifest = {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "template": {
            "metadata": {"labels": _labels(run), "annotations": _annotations(command, document, with_document=True)},
            "spec": _pod_spec(run, command, document, settings),
        },
    }
    if settings.managed:
        spec["managedBy"] = labels.MANAGER
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": command.name,
            "namespace": run.metadata.namespace,
            "labels": _labels(run),
            "annotations": _annotations(command, document, with_document=False),
            "ownerReferences": [_owner(API_VERSION, "WorkflowRun", run.metadata.name, run.metadata.uid)],
        },
        "spec": spec,
    }


def pod(
    run: WorkflowRun, command: StartAttempt, document: InputDocument, job_uid: str, settings: PodSettings
) -> Manifest:
    """The one pod of a managed Job, as the built-in controller would make it but for the name, which is the Job's."""
    controlled = {
        "batch.kubernetes.io/controller-uid": job_uid,
        "batch.kubernetes.io/job-name": command.name,
        "controller-uid": job_uid,
        "job-name": command.name,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": command.name,
            "namespace": run.metadata.namespace,
            "labels": {**_labels(run), **controlled},
            "annotations": _annotations(command, document, with_document=True),
            "ownerReferences": [_owner("batch/v1", "Job", command.name, job_uid)],
        },
        "spec": _pod_spec(run, command, document, settings),
    }


def config_maps(run: WorkflowRun, name: str, document: InputDocument, job_uid: str) -> list[Manifest]:
    """The parts of a document that is too large for an annotation; they go with the Job."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": part_name(name, number),
                "namespace": run.metadata.namespace,
                "labels": _labels(run),
                "ownerReferences": [_owner("batch/v1", "Job", name, job_uid)],
            },
            "immutable": True,
            "data": {part_file(number): part},
        }
        for number, part in enumerate(document.parts)
    ]


def assertion_secret(run: WorkflowRun, name: str, nonce: str, token: str, job_uid: str) -> Manifest:
    """The Secret with the assertion of an attempt; it goes with the Job."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": assertion_name(name, nonce),
            "namespace": run.metadata.namespace,
            "labels": _labels(run),
            "ownerReferences": [_owner("batch/v1", "Job", name, job_uid)],
        },
        "type": ASSERTION_TYPE,
        "immutable": True,
        "stringData": {ASSERTION_KEY: token},
    }


def assertion_name(attempt: str, nonce: str) -> str:
    """Name of the Secret with an attempt's assertion. Nobody knows the nonce before the Job is there."""
    return f"{attempt}-{nonce[:16]}"


def _labels(run: WorkflowRun) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "penstock", labels.RUN: run.metadata.name}


def _annotations(command: StartAttempt, document: InputDocument, *, with_document: bool) -> dict[str, str]:
    annotations = {
        labels.STEP: command.id.step,
        labels.ATTEMPT: str(command.id.attempt),
        labels.DIGEST: command.digest,
        labels.NONCE: document.nonce,
    }
    if command.id.batch is not None:
        annotations[labels.BATCH] = str(command.id.batch)
    if output_from := command.program.get("outputFrom"):
        annotations[labels.OUTPUT_FROM] = output_from
    if with_document and document.text and not document.parts:
        annotations[labels.DOCUMENT] = document.text
    return annotations


def _owner(api_version: str, kind: str, name: str, uid: str) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}


def _pod_spec(run: WorkflowRun, command: StartAttempt, document: InputDocument, settings: PodSettings) -> Manifest:
    own = _environment(command, document, settings)
    if trace := handed_on(run, command.id, settings.trace_share):
        own.append({"name": VARIABLE, "value": trace})
    mounted = volumes(command.name, command.program, document, settings.ca_bundle, settings.in_memory)
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": _deadline(command, settings),
        "terminationGracePeriodSeconds": _STOP_SECONDS,
        "automountServiceAccountToken": "serviceAccountName" in command.program.get("pod", {}),
        "enableServiceLinks": False,
        **{name: command.program["pod"][name] for name in _FROM_DEFAULTS if name in command.program.get("pod", {})},
        "dnsPolicy": settings.dns_policy,
        "securityContext": {
            "runAsNonRoot": True,
            **_user(command.program),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(command, _with_own(command, document, own), settings, mounted)],
        **({"volumes": [each.volume() for each in mounted]} if mounted else {}),
    }


def _user(program: Mapping[str, Any]) -> Manifest:
    """Who the program runs as: in an image of ours our own user, in one of somebody's what he says, or its own."""
    if program.get("kind") != "container":
        return {"runAsUser": _USER, "runAsGroup": _USER}
    if "runAsUser" not in program:
        return {}
    # Without a group of its own it would be in the group of root.
    return {"runAsUser": program["runAsUser"], "runAsGroup": program["runAsUser"]}


def _container(
    command: StartAttempt, environment: list[Manifest], settings: PodSettings, mounted: list[Volume]
) -> Manifest:
    return {
        "name": CONTAINER,
        **_program(command.program),
        "env": environment,
        **_whole_secrets(command.program),
        "resources": resources(command.program.get("resources", {}), settings),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        **({"volumeMounts": [each.mount() for each in mounted]} if mounted else {}),
    }


def _program(program: Mapping[str, Any]) -> Manifest:
    """The image, and what runs in it where that is not the harness."""
    image = program.get("image")
    if not image:
        raise InvalidInput(f"there is no image for the runtime `{program.get('runtime')}` in this installation")
    if program.get("kind") != "container":
        return {"image": image, "imagePullPolicy": "IfNotPresent"}
    words = {name: [literal(word) for word in program[name]] for name in ("command", "args") if program.get(name)}
    folder = {"workingDir": program["workingDir"]} if "workingDir" in program else {}
    return {"image": image, **words, **folder}


def literal(text: str) -> str:
    """The text as Kubernetes gives it to a program unchanged: it would put variables in place of `$(NAME)`."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _deadline(command: StartAttempt, settings: PodSettings) -> int:
    # The harness keeps a timeout to the second and the engine has a backstop of its own; this one holds when both
    # are gone, so it comes last.
    timeout = command.program.get("timeoutSeconds")
    if timeout is None:
        return int(settings.longest_attempt.total_seconds())
    # Of a batch, each item has that time.
    count = len(command.document.get("items") or (None,))
    return int(timeout * count + START_ALLOWANCE.total_seconds()) + 60


def _environment(command: StartAttempt, document: InputDocument, settings: PodSettings) -> list[Manifest]:
    if command.program.get("kind") == "container":
        return _container_variables(command, settings)
    own = {
        "PENSTOCK_INPUT": IN if document.parts else f"env:{_DOCUMENT}",
        "PENSTOCK_INPUT_SHA256": document.sha256,
        "PENSTOCK_WORKDIR": WORK,
        "PENSTOCK_TERMINATION_MESSAGE": MESSAGE,
    }
    if settings.ca_bundle:
        # Node.js does not look at the variable that everything else looks at.
        own["SSL_CERT_FILE"] = own["NODE_EXTRA_CA_CERTS"] = CA_FILE
    entries: list[Manifest] = [{"name": name, "value": value} for name, value in own.items()]
    if not document.parts:
        # A reference, for in a `value` Kubernetes would expand what looks like $(NAME).
        field = {"fieldPath": f"metadata.annotations['{labels.DOCUMENT}']"}
        entries.append({"name": _DOCUMENT, "valueFrom": {"fieldRef": field}})
    return entries


def _whole_secrets(program: Mapping[str, Any]) -> Manifest:
    """Secrets whose keys become variables: for a harness under a prefix, for only so it knows which to mask."""
    prefix = "" if program.get("kind") == "container" else VARIABLE_PREFIX
    sources = [{**each, "prefix": prefix + each.get("prefix", "")} for each in program.get("envFrom", ())]
    return {"envFrom": sources} if sources else {}


def _container_variables(command: StartAttempt, settings: PodSettings) -> list[Manifest]:
    """What a program without a harness is told of where it stands."""
    document = command.document
    own = {
        "PENSTOCK_OUTPUT": MESSAGE,
        "PENSTOCK_WORKDIR": TMP,
        "PENSTOCK_RUN": document["run"]["name"],
        "PENSTOCK_STEP": document["step"],
        "PENSTOCK_ATTEMPT": str(document["attempt"]),
        "PENSTOCK_IDEMPOTENCY_KEY": document["idempotencyKey"],
    }
    for item in document.get("items", ()):  # one at most
        own["PENSTOCK_ITEM_INDEX"] = str(item["index"])
        own["PENSTOCK_IDEMPOTENCY_KEY"] += f"/{item['index']}"
    if phase := document["run"].get("phase"):
        own["PENSTOCK_RUN_PHASE"] = phase
    if settings.ca_bundle:
        own["SSL_CERT_FILE"] = CA_FILE
    return [{"name": name, "value": value} for name, value in own.items()]


def _with_own(command: StartAttempt, document: InputDocument, own: list[Manifest]) -> list[Manifest]:
    """The step's variables, then ours: none of theirs takes the place of one of ours, or can refer to one."""
    program = command.program
    if program.get("secrets"):
        own = [*own, {"name": FOLDER_VARIABLE, "value": SECRETS}]
    taken = {entry["name"] for entry in own}
    secret = assertion_name(command.name, document.nonce)
    given = (_given(each, secret) for each in program.get("env", ()))
    return [*(each for each in given if each["name"] not in taken), *own]


def _given(variable: Mapping[str, Any], secret: str) -> Manifest:
    if "value" in variable:
        return {**variable, "value": literal(variable["value"])}
    if ASSERTION in variable["valueFrom"]:
        return {"name": variable["name"], "valueFrom": {"secretKeyRef": {"name": secret, "key": ASSERTION_KEY}}}
    return dict(variable)


def resources(asked: Mapping[str, Mapping[str, str]], settings: PodSettings) -> Manifest:
    """What the step asks for, completed: a limit alone is also the request, a request alone also the limit of memory.

    There is no default limit of CPU: throttling would make every step slower and protect nobody that requests do not.
    """
    requests, limits = dict(asked.get("requests") or {}), dict(asked.get("limits") or {})
    memory = requests.get("memory") or limits.get("memory")
    return {
        "requests": {
            **requests,
            "cpu": requests.get("cpu") or limits.get("cpu") or settings.cpu_request,
            "memory": memory or settings.memory_request,
        },
        "limits": {**limits, "memory": limits.get("memory") or memory or settings.memory_limit},
    }
