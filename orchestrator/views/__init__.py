"""The pages of the core: home, cases, workflows, incidents, and what a refusal looks like."""
