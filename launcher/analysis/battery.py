"""The battery method of the thesis, section 2.3.2 (McLaughlin et al., CCS 2011): the grid sees a steady target.

Below the target the battery is charged with the difference, above it is discharged. An empty battery puts the house
into recovery: the target is raised, so that it charges although much is used. A full one is met with a lowered
target, as in the paper; the thesis leaves that out. Afterwards the target is the mean load of about a day.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from launcher.analysis.households import Floats, Singles

_RAISED: Final = 1.5
_LOWERED: Final = 0.5
_HALF: Final = 0.5
_EMPTY: Final = 0.02


@dataclass(frozen=True, slots=True)
class Battery:
    """Capacity in Wh and power in W; without losses."""

    capacity_wh: float = 5_000.0
    power_w: float = 3_000.0


def leveled(load_w: Singles, step_min: int, battery: Battery) -> Singles:
    """What the grid sees of loads of shape (households, steps), each with its battery, half full at first."""
    hours = step_min / 60
    charge = np.full(len(load_w), battery.capacity_wh / 2)
    usual = load_w[:, : 24 * 60 // step_min].mean(axis=1, dtype=np.float64)
    target = usual.copy()
    mode = np.zeros(len(load_w))
    seen = np.empty_like(load_w)
    for step in range(load_w.shape[1]):
        load = load_w[:, step].astype(np.float64)
        usual += (load - usual) * hours / 24
        mode, target = _aimed(mode, target, usual, load, charge / battery.capacity_wh)
        wanted = np.clip(target - load, -battery.power_w, battery.power_w)
        flow = np.clip(wanted, -charge / hours, (battery.capacity_wh - charge) / hours)
        charge += flow * hours
        seen[:, step] = load + flow
    return seen


def _aimed(mode: Floats, target: Floats, usual: Floats, load: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Mode (1 recovers from empty, -1 from full, 0 is steady) and target of the next step."""
    is_done = ((mode > 0) & (level >= _HALF)) | ((mode < 0) & (level <= _HALF))
    starts_up = (level <= _EMPTY) & (mode <= 0)
    starts_down = (level >= 1 - _EMPTY) & (mode >= 0)
    aimed = np.where(is_done, usual, target)
    aimed = np.where(starts_up, np.maximum(load, usual) * _RAISED, aimed)
    aimed = np.where(starts_down, usual * _LOWERED, aimed)
    is_short = (mode > 0) & ~is_done & (level <= _EMPTY) & (load > aimed)
    aimed = np.where(is_short, load * _RAISED, aimed)
    new_mode = np.where(starts_up, 1, np.where(starts_down, -1, np.where(is_done, 0, mode)))
    return new_mode, np.maximum(aimed, 0)
