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
