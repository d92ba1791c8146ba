"""What the charts install, and what they refuse to install."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest
import yaml

from tests.integration.charts.conftest import CHARTS, STAMPING, Helm, Manifest, Manifests

# The first fixture may have to build helm.
pytestmark = pytest.mark.timeout(120, func_only=True)

IMAGES = {"image__operator": "operator:1", "image__mcp": "mcp:1"}


def pod_of(deployment: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def environment(manifests: Manifests, deployment: str) -> dict[str, Any]:
    (container,) = pod_of(manifests.named("Deployment", deployment))["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def rights(*roles: Manifest) -> set[tuple[str, str]]:
    """(verb, resource) of all rules, with the group where it is not the core's."""
    return {
        (verb, f"{resource}.{group}".rstrip("."))
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


class TestCharts:
    @pytest.mark.parametrize("chart", ["penstock", "penstock-crds"])
    def test_lint(self, helm: Helm, chart: str) -> None:
        values = ["--set=image.operator=o,image.mcp=m"] if chart == "penstock" else []
        done = helm.run("lint", "--strict", str(CHARTS / chart), *values)
        assert done.returncode == 0, done.stdout

    def test_the_kinds_are_those_of_the_folder_crds(self, helm: Helm) -> None:
        made = helm.manifests("penstock-crds", keep=False)
        files = [yaml.safe_load(file.read_text()) for file in (CHARTS.parent / "crds").glob("*.yaml")]
        assert sorted(made, key=_name) == sorted(files, key=_name)

    def test_the_kinds_stay_when_the_chart_goes(self, helm: Helm) -> None:
        for crd in helm.manifests("penstock-crds"):
            assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


class TestRefusals:
    """Wrong values are refused before anything is installed."""

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            pytest.param({"image__mcp": "m"}, "set image.operator", id="no operator image"),
            pytest.param({"image__operator": "o"}, "set image.mcp", id="no MCP image"),
            pytest.param({**IMAGES, "mcp__groups": ["system:masters"]}, "mcp/groups", id="system:masters"),
            pytest.param(
                {**IMAGES, "mcp__tenantNamespaces": ["penstock-system"]},
                "callers could then act as the operator",
                id="the operator's namespace",
            ),
            pytest.param({**IMAGES, "mcp__tenantNamespaces": ["kube-system"]}, "tenantNamespaces", id="kube-system"),
            pytest.param(
                {**IMAGES, "mcp__oauth__issuer": "https://id.example.com"},
                "set mcp.url",
                id="no address to sign in for",
            ),
            pytest.param({**IMAGES, "mcp__oauth__issuer": "http://id.example.com"}, "oauth/issuer", id="plain http"),
            pytest.param({**IMAGES, "mcp__oauth__algorithms": ["HS256"]}, "algorithms", id="a shared secret"),
            pytest.param(
                {**IMAGES, "mcp__oauth__usernamePrefix": "system:"}, "usernamePrefix", id="cluster's own names"
            ),
            pytest.param({**IMAGES, "operator__executor": "fast"}, "executor", id="executor"),
            pytest.param({**IMAGES, "retention__failed": "a week"}, "retention/failed", id="no time span"),
            pytest.param({**IMAGES, "tracing__endpoint": "collector:4317"}, "tracing/endpoint", id="no URL"),
            pytest.param({**IMAGES, "mcp__impersonation": "none"}, "impersonation", id="impersonation"),
            pytest.param({**IMAGES, "operatr": {}}, "operatr", id="a misspelt name"),
            pytest.param({**IMAGES, "runtimes": {"Java Script": {"image": "i"}}}, "Java Script", id="a runtime's name"),
        ],
    )
    def test_values(self, helm: Helm, values: dict[str, object], reason: str) -> None:
        done = helm.render(**values)  # type: ignore[arg-type]  # values are chart values, never named options
        assert done.returncode != 0
        assert reason in done.stderr


class TestDeployments:
    @pytest.mark.parametrize("name", ["penstock-operator", "penstock-mcp"])
    def test_pods_are_of_the_restricted_class(self, helm: Helm, name: str) -> None:
        pod = pod_of(helm.manifests().named("Deployment", name))
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] != 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
        assert [list(volume) for volume in pod["volumes"]] == [["name", "emptyDir"]]

    def test_runtimes_with_an_image_are_offered(self, helm: Helm) -> None:
        made = helm.manifests(runtimes__python__image="python@sha256:aa")
        offered = environment(made, "penstock-operator")["PENSTOCK_RUNTIME_IMAGES"]
        assert json.loads(offered) == {"python": "python@sha256:aa"}

    def test_settings_of_the_operator(self, helm: Helm) -> None:
        made = helm.manifests(
            operator__executor="native",
            operator__stepDnsPolicy="Default",
            operator__extraEnv=[{"name": "PENSTOCK_CRASH", "value": "before:3"}],
            caBundle__configMapName="authorities",
            watchNamespaces=["a", "b"],
        )
        settings = environment(made, "penstock-operator")
        assert settings["PENSTOCK_EXECUTOR"] == "native"
        assert settings["PENSTOCK_STEP_DNS_POLICY"] == "Default"
        assert settings["PENSTOCK_CA_BUNDLE"] == "authorities"
        assert settings["PENSTOCK_WATCH_NAMESPACES"] == "a,b"
        assert settings["PENSTOCK_CRASH"] == "before:3"

    def test_how_long_runs_are_kept(self, helm: Helm) -> None:
        settings = environment(helm.manifests(retention__succeeded="", retention__keep=500), "penstock-operator")
        said = {name: settings[f"PENSTOCK_RETENTION_{name}"] for name in ("SUCCEEDED", "FAILED", "KEEP")}
        assert said == {"SUCCEEDED": "", "FAILED": "90d", "KEEP": "500"}
        assert ("delete", "workflowruns.penstock.dev") in rights(
            helm.manifests().named("ClusterRole", "penstock-operator")
        )

    def test_settings_of_the_mcp_server(self, helm: Helm) -> None:
        made = helm.manifests(
            mcp__allowedHosts=["mcp.example.com"],
            mcp__allowedOrigins=["https://chat.example.com"],
            mcp__groups=["leads", "sales"],
        )
        settings = environment(made, "penstock-mcp")
        assert settings["PENSTOCK_MCP_AUDIENCE"] == "http://penstock-mcp.penstock-system.svc:8080/mcp"
        assert settings["PENSTOCK_MCP_GROUPS"] == "leads,sales"
        assert settings["PENSTOCK_MCP_ALLOWED_ORIGINS"] == "https://chat.example.com"
        hosts = settings["PENSTOCK_MCP_ALLOWED_HOSTS"].split(",")
        assert {"mcp.example.com", "penstock-mcp.penstock-system.svc:8080", "penstock-mcp"} <= set(hosts)

    def test_signing_in(self, helm: Helm) -> None:
        made = helm.manifests(
            mcp__url="https://mcp.example.com/mcp",
            mcp__oauth__issuer="https://id.example.com",
            mcp__oauth__algorithms=["RS256", "ES256"],
            mcp__oauth__usernameClaim="email",
            mcp__oauth__groupsClaim="groups",
            mcp__oauth__caConfigMap="provider-ca",
            mcp__clientSecrets__secretName="mcp-clients",
        )
        settings = environment(made, "penstock-mcp")
        assert settings["PENSTOCK_MCP_URL"] == "https://mcp.example.com/mcp"
        assert settings["PENSTOCK_MCP_OAUTH_ISSUER"] == "https://id.example.com"
        assert settings["PENSTOCK_MCP_OAUTH_ALGORITHMS"] == "RS256,ES256"
        assert settings["PENSTOCK_MCP_OAUTH_USERNAME_CLAIM"] == "email"
        pod = pod_of(made.named("Deployment", "penstock-mcp"))
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert settings["PENSTOCK_MCP_OAUTH_CA_FILE"] == f"{mounts['provider']}/ca.crt"
        assert settings["PENSTOCK_MCP_CLIENT_SECRETS_FILE"] == f"{mounts['clients']}/clients.yaml"
        assert {volume["name"] for volume in pod["volumes"]} == set(mounts)

    def test_figures_have_a_port_of_their_own(self, helm: Helm) -> None:
        made = helm.manifests()
        ports = {port["name"]: port["port"] for port in made.named("Service", "penstock-mcp")["spec"]["ports"]}
        assert ports == {"http": 8080, "metrics": 9090}
        assert environment(made, "penstock-mcp")["PENSTOCK_METRICS_PORT"] == "9090"
        (without,) = helm.manifests(mcp__metricsPort=0).named("Service", "penstock-mcp")["spec"]["ports"]
        assert without["name"] == "http"

    def test_traces_go_nowhere_unless_an_endpoint_is_named(self, helm: Helm) -> None:
        for name in ("penstock-operator", "penstock-mcp"):
            assert not [key for key in environment(helm.manifests(), name) if "TRACING" in key]
        address = "http://collector:4318/v1/traces"
        made = helm.manifests(tracing__endpoint=address, tracing__share=0.25, tracing__secretName="collector")
        for name in ("penstock-operator", "penstock-mcp"):
            settings = environment(made, name)
            assert (settings["PENSTOCK_TRACING_ENDPOINT"], settings["PENSTOCK_TRACING_SHARE"]) == (address, "0.25")
            (container,) = pod_of(made.named("Deployment", name))["containers"]
            (headers,) = [each for each in container["env"] if each["name"] == "PENSTOCK_TRACING_HEADERS"]
            assert headers["valueFrom"] == {"secretKeyRef": {"name": "collector", "key": "headers"}}

    def test_without_the_mcp_server(self, helm: Helm) -> None:
        made = helm.manifests(mcp__enabled=False, image__mcp="")
        assert [name for name in map(_name, made) if "mcp" in name] == []

    def test_every_setting_is_read(self, helm: Helm) -> None:
        """A variable that no settings class reads would be a setting without effect."""
        from penstock.settings import McpSettings, OperatorSettings

        made = helm.manifests(
            mcp__url="https://mcp.example.com/mcp",
            mcp__oauth__issuer="https://id.example.com",
            mcp__oauth__caConfigMap="ca",
            mcp__clientSecrets__secretName="clients",
            tracing__endpoint="http://collector:4318/v1/traces",
            tracing__secretName="collector",
        )
        for deployment, settings in (("penstock-operator", OperatorSettings), ("penstock-mcp", McpSettings)):
            known = {f"PENSTOCK_{name.upper()}" for name in settings.model_fields}
            assert environment(made, deployment).keys() <= known


class TestRights:
    def test_nobody_gets_wildcards_or_secrets(self, helm: Helm) -> None:
        made = helm.manifests(mcp__tenantNamespaces=["team"])
        for role in chain(made.of("ClusterRole"), made.of("Role")):
            for verb, resource in rights(role):
                assert "*" not in verb + resource
                assert not resource.startswith("secrets") or _name(role) == "penstock-mcp-keys"

    def test_the_mcp_server_reads_one_secret_by_its_name(self, helm: Helm) -> None:
        (rule,) = helm.manifests().named("Role", "penstock-mcp-keys")["rules"]
        assert (rule["resourceNames"], rule["verbs"]) == (["penstock-api-keys"], ["get"])
        made = helm.manifests(mcp__apiKeys=False)
        assert not [role for role in made.of("Role") if _name(role) == "penstock-mcp-keys"]
        assert "PENSTOCK_MCP_API_KEYS_SECRET" not in environment(made, "penstock-mcp")

    def test_only_the_operator_writes_status(self, helm: Helm) -> None:
        made = helm.manifests()
        writers = {
            _name(role)
            for role in made.of("ClusterRole")
            for verb, resource in rights(role)
            if "/status" in resource and verb in ("create", "update", "patch")
        }
        assert writers == {"penstock-operator"}

    def test_only_admins_bypass(self, helm: Helm) -> None:
        holders = [
            role
            for role in helm.manifests().of("ClusterRole")
            if ("update", "approvalrequests/bypass.penstock.dev") in rights(role)
        ]
        assert list(map(_name, holders)) == ["penstock-admin"]
        assert not [label for label in holders[0]["metadata"]["labels"] if "aggregate" in label]

    def test_roles_need_not_be_part_of_kubernetes_own(self, helm: Helm) -> None:
        made = helm.manifests(rbac__aggregateToDefaultRoles=False)
        labels = [label for role in made.of("ClusterRole") for label in role["metadata"]["labels"]]
        assert not [label for label in labels if "aggregate" in label]

    def test_in_some_namespaces_only(self, helm: Helm) -> None:
        made = helm.manifests(watchNamespaces=["a", "b"])
        assert list(map(_name, made.of("ClusterRoleBinding"))) == ["penstock-mcp-identities"]
        bound = {
            (binding["metadata"]["namespace"], binding["roleRef"]["name"])
            for binding in made.of("RoleBinding")
            if binding["roleRef"]["kind"] == "ClusterRole"
        }
        roles = ("penstock-operator", "penstock-mcp", "penstock-mcp-on-behalf")
        assert bound == {(namespace, role) for namespace in ("a", "b") for role in roles}


class TestImpersonation:
    def test_constrained_needs_no_verb_impersonate(self, helm: Helm) -> None:
        made = helm.manifests(mcp__groups=["leads"], mcp__tenantNamespaces=["team"])
        held = rights(*made.of("ClusterRole"), *made.of("Role"))
        assert not [right for right in held if right[0] == "impersonate"]
        on_behalf = {resource for verb, resource in held if verb.startswith("impersonate-on:")}
        ours = {f"{kind}.penstock.dev" for kind in ("workflows", "workflowruns", "approvalrequests")}
        reviews = {"selfsubjectreviews.authentication.k8s.io", "selfsubjectaccessreviews.authorization.k8s.io"}
        assert on_behalf == {*ours, *reviews, "pods", "pods/log", "configmaps"}
        # Runs are pruned for callers who may delete them; nothing else is ever deleted for anybody.
        deleted_for_others = {
            resource for verb, resource in held if verb.startswith("impersonate-on:") and "delete" in verb
        }
        assert deleted_for_others == {"workflowruns.penstock.dev"}

    @pytest.mark.parametrize("mode", ["constrained", "classic"])
    def test_groups_by_name_only(self, helm: Helm, mode: str) -> None:
        made = helm.manifests(mcp__groups=["leads"], mcp__impersonation=mode)
        rules = made.named("ClusterRole", "penstock-mcp-identities")["rules"]
        (groups,) = [rule for rule in rules if rule["resources"] == ["groups"]]
        assert groups["resourceNames"] == ["system:authenticated", "leads"]

    @pytest.mark.parametrize("mode", ["constrained", "classic"])
    def test_service_accounts_by_namespace_only(self, helm: Helm, mode: str) -> None:
        made = helm.manifests(mcp__impersonation=mode, mcp__tenantNamespaces=["team"])
        holders = [
            role
            for role in (*made.of("ClusterRole"), *made.of("Role"))
            if [resource for _, resource in rights(role) if resource.startswith("serviceaccounts")]
        ]
        assert [role["metadata"].get("namespace") for role in holders] == ["team"]
        (binding,) = [one for one in made.of("RoleBinding") if one["metadata"]["namespace"] == "team"]
        assert binding["subjects"][0]["name"] == "penstock-mcp"


class TestPolicies:
    def test_none_fails_open(self, helm: Helm) -> None:
        made = helm.manifests()
        policies = made.of("ValidatingAdmissionPolicy") + made.of("MutatingAdmissionPolicy")
        assert len(policies) > 5
        assert {policy["spec"]["failurePolicy"] for policy in policies} == {"Fail"}

    def test_each_is_in_force(self, helm: Helm) -> None:
        made = helm.manifests()
        bindings = made.of("ValidatingAdmissionPolicyBinding")
        assert all("Deny" in binding["spec"]["validationActions"] for binding in bindings)
        bound = [binding["spec"]["policyName"] for binding in bindings]
        assert sorted(bound) == sorted(map(_name, made.of("ValidatingAdmissionPolicy")))
        stamps = [binding["spec"]["policyName"] for binding in made.of("MutatingAdmissionPolicyBinding")]
        assert sorted(stamps) == sorted(map(_name, made.of("MutatingAdmissionPolicy")))

    def test_each_refusal_says_why_and_is_a_403(self, helm: Helm) -> None:
        for policy in helm.manifests().of("ValidatingAdmissionPolicy"):
            for validation in policy["spec"]["validations"]:
                assert validation["reason"] == "Forbidden"
                assert len(validation["message"]) > 15

    def test_they_know_the_operator_of_their_release(self, helm: Helm) -> None:
        made = helm.manifests(release="flow", namespace="platform")
        account = made.named("Deployment", "flow-operator")["spec"]["template"]["spec"]["serviceAccountName"]
        text = yaml.safe_dump_all(made.of("ValidatingAdmissionPolicy"))
        assert f"system:serviceaccount:platform:{account}'" in text
        assert "penstock-system" not in text

    @pytest.mark.parametrize(
        ("setting", "served", "want"),
        [("auto", [STAMPING], 2), ("auto", [], 0), ("always", [], 2), ("never", [STAMPING], 0)],
    )
    def test_stamping_where_it_is_served(self, helm: Helm, setting: str, served: list[str], want: int) -> None:
        made = helm.manifests(admission__stampRequestedBy=setting, served=served)
        assert len(made.of("MutatingAdmissionPolicy")) == want

    @pytest.mark.parametrize(("executor", "want"), [("managed", "false"), ("native", "true")])
    def test_the_job_controller_is_trusted_only_where_it_makes_the_pods(
        self, helm: Helm, executor: str, want: str
    ) -> None:
        policy = helm.manifests(operator__executor=executor).named("ValidatingAdmissionPolicy", "pods.penstock.dev")
        (variable,) = [one for one in policy["spec"]["variables"] if one["name"] == "jobController"]
        assert variable["expression"].startswith(f"{want} && ")

    def test_further_identities(self, helm: Helm) -> None:
        made = helm.manifests(admission__trusted={"users": ["backup"], "groups": ["restorers"]})
        policy = made.named("ValidatingAdmissionPolicy", "jobs.penstock.dev")
        (variable,) = [one for one in policy["spec"]["variables"] if one["name"] == "trusted"]
        assert '["backup"]' in variable["expression"]
        assert '["restorers"]' in variable["expression"]
