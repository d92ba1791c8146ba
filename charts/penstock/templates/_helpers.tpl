{{- define "penstock.operator.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}-operator{{- end }}
{{- define "penstock.mcp.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}-mcp{{- end }}
{{- define "penstock.operator.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "penstock.operator.name" . }}
{{- end }}

{{- define "penstock.labels" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Labels that select one component's pods. Call with (dict "root" $ "component" "operator"). */}}
{{- define "penstock.selector" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "penstock.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "penstock.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* An image, at image.registry where that is set. Call with (dict "root" $ "image" REFERENCE). */}}
{{- define "penstock.image" -}}
{{- $image := .image }}
{{- with .root.Values.image.registry }}
{{- $parts := splitList "/" $image }}
{{- $first := first $parts }}
{{- if and (gt (len $parts) 1) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) }}
{{- $image = rest $parts | join "/" }}
{{- end }}
{{- $image = printf "%s/%s" . $image }}
{{- end }}
{{- $image }}
{{- end }}

{{- /* Keeps replicas while nodes are drained. Call with (dict "root" $ "component" NAME "values" VALUES "name" NAME). */}}
{{- define "penstock.budget" -}}
{{- if and .values.podDisruptionBudget (gt (int .values.replicas) 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "penstock.selector" (dict "root" .root "component" .component) | nindent 6 }}
{{- end }}
{{- end }}

{{- /* Where pods go, and how they get their images. Call with (dict "root" $ "component" .Values.operator). */}}
{{- define "penstock.placement" -}}
dnsPolicy: {{ .component.dnsPolicy }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .component.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .component.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .component.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with .component.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* Binds a ClusterRole in the whole cluster, or in the watched namespaces only.
       Call with (dict "root" $ "role" NAME "account" SERVICEACCOUNT). */}}
{{- define "penstock.bind" -}}
{{- $root := .root }}
{{- $role := .role }}
{{- $account := .account }}
{{- range $namespace := (empty $root.Values.watchNamespaces | ternary (list "") $root.Values.watchNamespaces) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $namespace | empty | ternary "ClusterRoleBinding" "RoleBinding" }}
metadata:
  name: {{ $role }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "penstock.labels" $root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ $role }}}
subjects:
  - {kind: ServiceAccount, name: {{ $account }}, namespace: {{ $root.Release.Namespace }}}
{{- end }}
{{- end }}

{{- /* Variables that say where traces go. Call with the root. */}}
{{- define "penstock.tracing" -}}
{{- with .Values.tracing }}
{{- if .endpoint -}}
- {name: PENSTOCK_TRACING_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: PENSTOCK_TRACING_SHARE, value: {{ .share | quote }}}
{{- with .secretName }}
- {name: PENSTOCK_TRACING_HEADERS, valueFrom: {secretKeyRef: {name: {{ . }}, key: headers}}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
