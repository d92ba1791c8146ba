"""A namespace with people in it who use Penstock: what they do with kubectl, and what they see. Asserts nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.cluster import RELEASE, Answer, Cluster, wait_for

GROUP = "penstock.dev"
API_VERSION = f"{GROUP}/v1alpha1"
RUN_LABEL = f"{GROUP}/run"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with some of the chart's roles in the namespace."""

    name: str
    roles: tuple[str, ...]
    groups: tuple[str, ...] = ()


ALICE = Person("alice@example.com", ("author", "approver"))
"""Writes Workflows and asks for runs; may vote in general."""
LEAD = Person("lead@example.com", ("approver",))
"""Listed as an approver of examples/order-processing.yaml."""
CLERK = Person("clerk@example.com", ("approver",), groups=("order-leads",))
"""An approver by his group."""
MALLORY = Person("mallory@example.com", ("approver", "runner"))
"""May vote in general, but is on nobody's list."""
PEOPLE = (ALICE, LEAD, CLERK, MALLORY)


def a_workflow(name: str, *steps: Json, **spec: Any) -> Json:
    """A Workflow object; `finally_` stands for `finally`."""
    body = {key.removesuffix("_"): value for key, value in spec.items()}
    metadata = {"name": name}
    return {"apiVersion": API_VERSION, "kind": "Workflow", "metadata": metadata, "spec": {**body, "steps": list(steps)}}


def a_step(name: str, source: str, *, runtime: str = "python", **more: Any) -> Json:
    """A script step; keywords of a step beside it, those of the script in `script`."""
    script = {"runtime": runtime, "source": source, **more.pop("script", {})}
    return {"name": name, "script": script, **more}


def a_run(name: str, workflow: str, context: Mapping[str, Any] | None = None) -> Json:
    """A WorkflowRun object."""
    spec: Json = {"workflow": {"name": workflow}}
    if context is not None:
        spec["context"] = dict(context)
    return {"apiVersion": API_VERSION, "kind": "WorkflowRun", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Tenant:
    """One namespace, its people bound to the chart's roles."""

    cluster: Cluster
    namespace: str
    people: Sequence[Person] = field(default=PEOPLE)

    def settle(self) -> None:
        """Give the people their roles."""
        bindings = [self._binding(person, role) for person in self.people for role in person.roles]
        self.admin("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": bindings})

    def kubectl(self, person: Person, *words: str, **options: Any) -> Answer:
        """Run kubectl as one of the people; raises AssertionError when it fails, unless `check=False`."""
        return self.cluster.kubectl(
            "-n", self.namespace, *words, as_user=person.name, as_groups=person.groups, **options
        )

    def admin(self, *words: str, **options: Any) -> Answer:
        """Run kubectl as the cluster's administrator."""
        return self.cluster.kubectl("-n", self.namespace, *words, **options)

    def apply(self, workflow: Json, *, ready: bool = True) -> None:
        """Apply a Workflow as its author, and by default wait until the operator says that it can be run."""
        self.kubectl(ALICE, "apply", "-f", "-", stdin=workflow)
        if ready:
            self.workflow_says(workflow["metadata"]["name"], "Ready=True")

    def workflow_says(self, name: str, condition: str, *, seconds: float = 60) -> None:
        """Return once a condition of a Workflow holds, such as `Ready=False`."""
        self._wait(f"--for=condition={condition}", f"workflow/{name}", seconds)

    def start(self, workflow: str, context: Mapping[str, Any] | None = None, *, name: str = "run") -> str:
        """Create a run as its requester; its name."""
        self.kubectl(ALICE, "create", "-f", "-", stdin=a_run(name, workflow, context))
        return name

    def run(self, name: str) -> Json:
        """The run as it is now."""
        found: Json = self.cluster.read("-n", self.namespace, "workflowrun", name)
        return found

    def finished(self, name: str, *, seconds: float = 120) -> Json:
        """The run once it has ended, however it went."""
        self._wait("--for=jsonpath={.status.finishedAt}", f"workflowrun/{name}", seconds)
        return self.run(name)

    def phase(self, name: str, phase: str, *, seconds: float = 120) -> Json:
        """The run once it is in a phase."""
        self._wait(f"--for=jsonpath={{.status.phase}}={phase}", f"workflowrun/{name}", seconds)
        return self.run(name)

    def step_phase(self, name: str, step: str, phase: str, *, seconds: float = 120) -> Json:
        """The run once one of its steps is in a phase."""
        self._wait(f"--for=jsonpath={{.status.steps.{step}.phase}}={phase}", f"workflowrun/{name}", seconds)
        return self.run(name)

    def running_pod(self, run: str, *, seconds: float = 60) -> Json:
        """The first pod of a run that is seen running."""
        name = f"{RUN_LABEL}={run}"
        # A watch on a selector that nothing fits yet would end at once.
        wait_for(lambda: self.of_run("pod", run), seconds=seconds, what=lambda: f"a pod of {run}\n{self.account(run)}")
        words = ("wait", "pod", "-l", name, "--for=jsonpath={.status.phase}=Running", f"--timeout={seconds:.0f}s")
        self.admin(*words, timeout=seconds + 30)
        return self.of_run("pod", run)[0]

    def gate(self, run: Json, step: str) -> Json:
        """The ApprovalRequest that a step of a run waits for; it comes right after the status that names it."""
        name = run["status"]["steps"][step]["gate"]["name"]
        self._wait("--for=create", f"approvalrequest/{name}", 30)
        found: Json = self.cluster.read("-n", self.namespace, "approvalrequest", name)
        return found

    def vote(self, person: Person, request: Json, verdict: str = "approve", **vote: Any) -> Answer:
        """Add a person's vote with kubectl; does not raise when it is refused."""
        digest = request["spec"]["request"]["digest"]
        decision = {"by": person.name, "verdict": verdict, "digest": digest, **vote}
        patch = json.dumps([{"op": "add", "path": "/spec/decisions/-", "value": decision}])
        name = request["metadata"]["name"]
        return self.kubectl(person, "patch", "apr", name, "--type=json", "-p", patch, check=False)

    def of_run(self, kind: str, run: str) -> list[Json]:
        """The objects of a kind that belong to a run."""
        found: list[Json] = self.cluster.read("-n", self.namespace, kind, "-l", f"{RUN_LABEL}={run}")["items"]
        return found

    def output(self, of: Json) -> Any:
        """The output of a run or of a step, by its status, from where it is kept."""
        if (kept := of.get("outputRef")) is None:
            return of["output"]
        return json.loads(self.cluster.read("-n", self.namespace, "configmap", kept["name"])["data"]["output"])

    def account(self, run: str) -> str:
        """All there is to see of a run, for the message of a test that failed."""
        words = ("get", "workflowrun,job,pod,approvalrequest", "-o", "yaml")
        return self.admin(*words, "--show-managed-fields=false", check=False).stdout[-20_000:] + f"\n(of run {run})"

    def _wait(self, what: str, target: str, seconds: float) -> None:
        # kubectl watches: nothing is polled, and what is asked for is what a person would type.
        words = ("wait", what, target, f"--timeout={seconds:.0f}s")
        try:
            answer = self.admin(*words, check=False, timeout=seconds + 30)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"kubectl wait hangs: {late}") from late
        if answer.returncode:
            raise AssertionError(f"{target}: {answer.stderr.strip()}\n{self.account(target)}")

    def _binding(self, person: Person, role: str) -> Json:
        api = "rbac.authorization.k8s.io"
        name = f"{person.name.split('@')[0]}-{role}"
        return {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": f"{RELEASE}-{role}"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": person.name}],
        }
