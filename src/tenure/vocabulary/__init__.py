"""The language: objects, calls, steps, answers, observables, traces, and the Python reading of them."""
