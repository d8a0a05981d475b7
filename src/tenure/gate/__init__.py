"""Subjects and adapters, the oracle, campaigns, shrinking, verdicts."""
