{{- /* CEL variables about the caller, for every policy. Each is worked out only where it is used. */}}
{{- define "penstock.caller" -}}
- name: me
  expression: request.userInfo.username
- name: groups
  expression: "has(request.userInfo.groups) ? request.userInfo.groups : []"
- name: operator
  expression: variables.me == '{{ include "penstock.operator.user" . }}'
- name: trusted
  expression: >-
    variables.me in {{ toJson .Values.admission.trusted.users }}
    || variables.groups.exists(g, g in {{ toJson .Values.admission.trusted.groups }})
- name: collector
  # The garbage collector, and what empties a namespace that is deleted.
  expression: >-
    variables.me in ['system:serviceaccount:kube-system:generic-garbage-collector',
    'system:serviceaccount:kube-system:namespace-controller']
# Absent on the object itself: reading it without has() would be an error, and refuse every request.
- name: subresource
  expression: "has(request.subResource) ? request.subResource : ''"
{{- end }}

{{- /* The client that the caller comes through: proved by the MCP server and passed on as an extra, or the ServiceAccount. */}}
{{- define "penstock.client" -}}
- name: client
  expression: >-
    variables.me.startsWith('system:serviceaccount:') ? 'sa:' + variables.me.substring(22)
    : has(request.userInfo.extra) && 'penstock.dev/client' in request.userInfo.extra
    ? request.userInfo.extra['penstock.dev/client'][0] : ''
{{- end }}

{{- /* Whether a request changes what a Workflow is. */}}
{{- define "penstock.edits" -}}
- name: edits
  expression: request.operation == 'CREATE' || !has(oldObject.spec) || object.spec != oldObject.spec
{{- end }}

{{- /* Puts a policy into force. Call with (dict "root" $ "name" NAME). */}}
{{- define "penstock.binding" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny, Audit]
{{- end }}
