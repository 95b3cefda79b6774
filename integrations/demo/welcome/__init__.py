"""The first ten minutes: a page for strangers, and a task of two minutes for each role."""
