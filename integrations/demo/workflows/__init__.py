"""The demo's workflows, as text. No workflow is built in Python."""

SLUGS = ("tutorial", "digits", "refunds")
