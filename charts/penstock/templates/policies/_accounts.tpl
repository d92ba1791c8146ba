{{- /* Which ServiceAccounts a namespace lets steps have. Whoever administers it lists them, separated by commas. */}}
{{- define "penstock.accounts" -}}
- name: accounts
  expression: >-
    has(namespaceObject.metadata.annotations)
    && 'penstock.dev/service-accounts' in namespaceObject.metadata.annotations
    ? namespaceObject.metadata.annotations['penstock.dev/service-accounts'].split(',').map(a, a.trim()) : []
{{- end }}

{{- /* Steps act as a ServiceAccount that the namespace lists and that whoever writes them may act as himself. Call with a
CEL condition under which there is nothing to check. The variable `account` holds the name, or nothing. */}}
{{- define "penstock.accounts.validations" -}}
- reason: Forbidden
  expression: >-
    {{ . }} || variables.account == '' || variables.account in variables.accounts
  messageExpression: >-
    'namespace ' + request.namespace + ' does not let steps have ServiceAccount ' + variables.account
    + ': its annotation penstock.dev/service-accounts has to list it'
  message: the annotation penstock.dev/service-accounts of this namespace does not list the ServiceAccount
- reason: Forbidden
  expression: >-
    {{ . }} || variables.account == '' || authorizer.group('').resource('serviceaccounts')
    .namespace(request.namespace).name(variables.account).check('impersonate').allowed()
  messageExpression: >-
    'you may not use ServiceAccount ' + variables.account + ': whoever writes a Workflow needs the right to impersonate it'
  message: you may not use this ServiceAccount; that takes the right to impersonate it
{{- end }}
