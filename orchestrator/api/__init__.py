"""The REST API: keys, problem details, idempotency, and the core's own routes."""
