"""What holds for all tests: none is timed. How long something takes belongs to the benchmarks, and a busy machine breaks no rule."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
