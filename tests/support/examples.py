"""How many examples property tests draw.

A test says how many it draws in the profile `thorough` (`pytest --hypothesis-profile=thorough`).
The profile `quick`, the default, draws a quarter of them, the same in every run.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

QUICK, THOROUGH = "quick", "thorough"

# The number of examples of a profile is its share in percent.
for profile, percent in ((QUICK, 25), (THOROUGH, 100)):
    settings.register_profile(
        profile,
        max_examples=percent,
        derandomize=profile == QUICK,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def examples(count: int, **options: Any) -> settings:
    """The settings of a test that draws `count` examples in the profile `thorough`."""
    profile = settings.default
    assert profile is not None
    return settings(max_examples=max(1, count * profile.max_examples // 100), **options)
