"""All tasks, in the order in which an agent would learn the tools."""

from evals.tasks import failing, finding, gating, programs, running

TASKS = (*finding.TASKS, *running.TASKS, *gating.TASKS, *failing.TASKS, *programs.TASKS)
