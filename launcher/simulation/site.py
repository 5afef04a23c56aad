"""What all actors of one run share."""

from dataclasses import dataclass

from launcher.simulation.audit import Audit
from launcher.simulation.bus import Bus
from launcher.simulation.credentials import Administrator
from launcher.simulation.drawings import Drawings
from launcher.simulation.genuine import Genuine
from launcher.simulation.oracle import Oracle
from launcher.simulation.scenario import Scenario
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Tally, Trace

TICK_APART_MS = 10
"""Ticks come at least this far apart, as in the shells."""

SPINS_MAX = 200
"""So many ticks in a row that leave the deadline in the past are a machine that spins."""


@dataclass(slots=True)
class Site:
    """One run's world: time, bus, administrator, truth and log."""

    scenario: Scenario
    timeline: Timeline
    bus: Bus
    administrator: Administrator
    oracle: Oracle
    drawings: Drawings
    genuine: Genuine
    audit: Audit
    trace: Trace
    tally: Tally
