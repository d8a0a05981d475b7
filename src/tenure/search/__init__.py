"""Explicit exploration of the Python reading: shortest traces, witnesses, small state spaces."""
