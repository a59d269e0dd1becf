"""How hard property tests look for counterexamples."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples in every run: a failure is a change of the code.
settings.register_profile(
    "toplists", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SETTINGS = settings.get_profile("toplists")
