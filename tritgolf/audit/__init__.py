"""The audit: what holds of published claims, submissions and our own results, decided by small checks."""
