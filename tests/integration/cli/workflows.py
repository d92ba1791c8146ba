"""Workflows whose steps leave a trace in a file, so that a test can count how often they ran."""

from __future__ import annotations


def gated() -> str:
    """A step, a gate, a step."""
    return """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: gated}
spec:
  inputs:
    type: object
    required: [trace]
    properties: {trace: {type: string}}
  steps:
    - name: before
      script:
        runtime: bash
        source: |
          echo before >> {{context_trace}}
          output done
    - name: release
      needs: [before]
      approval:
        approvers: {users: [somebody]}
        message: "Go on after {{ steps.before.output }}?"
    - name: after
      needs: [release]
      script:
        runtime: bash
        source: |
          echo after >> {{context_trace}}
          output finished
"""


def waiting() -> str:
    """A step that runs until a file is there."""
    return """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: waiting}
spec:
  inputs:
    type: object
    required: [trace]
    properties: {trace: {type: string}}
  steps:
    - name: hold
      script:
        runtime: bash
        source: |
          echo started
          echo started >> {{context_trace}}
          while [ ! -e {{context_trace}}.go ]; do sleep 0.05; done
          output released
"""


FIVE_MISTAKES = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata:
  name: order
spec:
  inputs:
    type: object
    properties: {total: {type: number}}
  steps:
    - name: charge
      script:
        runtime: pyton
        source: "print(1)"
    - name: notify
      needs: [chrge]
      when: context.totl > 5.0
      script:
        runtime: python
        source: |
          print("total: {{context_total}}")
    - name: ship
      timeout: 5 minutes
      script: {runtime: bash, source: "true"}
"""
