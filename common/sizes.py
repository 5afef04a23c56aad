"""How many members a network needs: the numbers behind defaults, warnings and documentation.

`MEMBERS_MIN` follows from the protocol. The other two are results: docs/evaluation.md derives them from simulated
households by a stated rule, and a test compares them with its tables.
"""

from typing import Final

MEMBERS_MIN: Final = 5
"""Default of `members_min`, and the least without `demonstration = true`: survives a silent member and a colluder."""

PRIVATE_MIN: Final = 30
"""Contributors below which a sum says too much of each household (docs/evaluation.md, "minimum")."""

RECOMMENDED_MIN: Final = 100
"""Contributors from which on a 15-minute sum hides most of a household (docs/evaluation.md, "recommended")."""
