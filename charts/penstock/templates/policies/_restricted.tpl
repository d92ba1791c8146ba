{{- define "penstock.restricted.variables" -}}
- name: containers
  expression: >-
    variables.spec.containers + (has(variables.spec.initContainers) ? variables.spec.initContainers : [])
{{ include "penstock.accounts" . }}
- name: account
  expression: "variables.spec.?serviceAccountName.orValue('default')"
- name: token
  expression: variables.spec.?automountServiceAccountToken.orValue(true) && variables.account in variables.accounts
{{- end }}

{{- /* Pod Security "restricted" and a little more: no way into the node, and none to the API server but as a ServiceAccount
that the namespace lists. Secrets are those that the run's Workflow lists; whether its author may read them was checked
when it was written. Call with the root. */}}
{{- define "penstock.restricted.validations" -}}
- reason: Forbidden
  expression: >-
    (has(variables.spec.securityContext) && has(variables.spec.securityContext.runAsNonRoot)
    && variables.spec.securityContext.runAsNonRoot
    && (!has(variables.spec.securityContext.runAsUser) || variables.spec.securityContext.runAsUser != 0)
    && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.runAsNonRoot)
    || c.securityContext.runAsNonRoot))
    && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.runAsUser)
    || c.securityContext.runAsUser != 0)
  message: "pods of runs are not root: set securityContext.runAsNonRoot of the pod to true, and runAsUser never to 0"
- reason: Forbidden
  expression: >-
    has(variables.spec.securityContext) && has(variables.spec.securityContext.seccompProfile)
    && variables.spec.securityContext.seccompProfile.type == 'RuntimeDefault'
    && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.seccompProfile)
    || c.securityContext.seccompProfile.type == 'RuntimeDefault')
  message: "pods of runs have securityContext.seccompProfile.type: RuntimeDefault"
- reason: Forbidden
  expression: >-
    variables.containers.all(c, has(c.securityContext) && has(c.securityContext.allowPrivilegeEscalation)
    && !c.securityContext.allowPrivilegeEscalation
    && (!has(c.securityContext.privileged) || !c.securityContext.privileged)
    && (!has(c.securityContext.procMount) || c.securityContext.procMount == 'Default'))
  message: "containers of runs have allowPrivilegeEscalation: false, and are not privileged"
- reason: Forbidden
  expression: >-
    variables.containers.all(c, has(c.securityContext) && has(c.securityContext.capabilities)
    && has(c.securityContext.capabilities.drop) && 'ALL' in c.securityContext.capabilities.drop
    && (!has(c.securityContext.capabilities.add) || size(c.securityContext.capabilities.add) == 0))
  message: "containers of runs drop ALL capabilities and add none"
- reason: Forbidden
  expression: >-
    variables.containers.all(c, has(c.securityContext) && has(c.securityContext.readOnlyRootFilesystem)
    && c.securityContext.readOnlyRootFilesystem)
  message: "containers of runs have readOnlyRootFilesystem: true"
- reason: Forbidden
  expression: >-
    (!has(variables.spec.hostNetwork) || !variables.spec.hostNetwork)
    && (!has(variables.spec.hostPID) || !variables.spec.hostPID)
    && (!has(variables.spec.hostIPC) || !variables.spec.hostIPC)
    && variables.containers.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))
  message: pods of runs share no network, processes, memory or ports with the node
# The Secrets of this installation are its own: API keys, and what signs decisions. So are its ServiceAccounts.
- reason: Forbidden
  expression: >-
    request.namespace != '{{ .Release.Namespace }}' || (variables.containers.all(c,
    (!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))
    && (!has(c.envFrom) || c.envFrom.all(e, !has(e.secretRef))))
    && (!has(variables.spec.volumes) || variables.spec.volumes.all(v, !has(v.secret)))
    && variables.account == 'default')
  message: runs in the namespace of this installation have no Secrets and no ServiceAccount
# Before the volumes, for a token arrives as one.
- reason: Forbidden
  expression: >-
    has(variables.spec.automountServiceAccountToken)
    && (!variables.spec.automountServiceAccountToken || variables.token)
  message: >-
    pods of runs have automountServiceAccountToken: false, unless the namespace's annotation
    penstock.dev/service-accounts lists their ServiceAccount
- reason: Forbidden
  expression: variables.account == 'default' || variables.account in variables.accounts
  messageExpression: >-
    'namespace ' + request.namespace + ' does not let steps have ServiceAccount ' + variables.account
    + ': its annotation penstock.dev/service-accounts has to list it'
  message: the annotation penstock.dev/service-accounts of this namespace does not list the ServiceAccount
- reason: Forbidden
  expression: >-
    !has(variables.spec.volumes) || variables.spec.volumes.all(v,
    has(v.emptyDir) || has(v.downwardAPI) || has(v.configMap) || has(v.secret)
    || (has(v.projected) && (!has(v.projected.sources)
    || v.projected.sources.all(s, has(s.downwardAPI) || has(s.configMap)
    || (has(s.serviceAccountToken) && variables.token && !has(s.serviceAccountToken.audience))))))
  message: >-
    volumes of runs are emptyDir, downwardAPI, configMap, secret, or a projection of the first three; a token is there
    only for a ServiceAccount that the namespace's annotation penstock.dev/service-accounts lists
{{- end }}
