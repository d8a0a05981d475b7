"""Benchmarks: the numbers that the README gives, measured again by `make bench`. They are no part of the product."""
