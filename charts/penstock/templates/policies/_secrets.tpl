{{- /* Each Secret that a spec lists may be read by whoever writes it. One check an expression: an authorizer check costs a
third of an expression's budget, and so the message can name the one that is missing. Call with a CEL condition under
which there is nothing to check. The variable `secrets` holds the names. */}}
{{- define "penstock.secrets.validations" -}}
{{- $free := . }}
{{- range $index := until 16 }}
- reason: Forbidden
  expression: >-
    {{ $free }} || size(variables.secrets) <= {{ $index }} || authorizer.group('').resource('secrets')
    .namespace(request.namespace).name(variables.secrets[{{ $index }}]).check('get').allowed()
  messageExpression: >-
    'you may not use Secret ' + variables.secrets[{{ $index }}] + ': whoever writes a Workflow needs the right to get '
    + 'each Secret that spec.secrets lists'
  message: you may not use a Secret that spec.secrets lists; that takes the right to get it
{{- end }}
{{- end }}
