"""From a sentence to a run: the Workflow `ask`, and a program that tries it on the shop."""
