"""Hypothesis draws the same examples in every run, so that the gate judges the change and not the dice.

`HYPOTHESIS_PROFILE=dice pytest ...` draws new ones, and more of them.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("dice", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
