"""Small populations whose answers are known."""

from pathlib import Path

import numpy as np

from launcher.analysis.households import Sample, Singles, averaged
from launcher.analysis.options import Options


def noise(households: int, days: int, slots: int, seed: int = 1) -> Singles:
    """Independent Gaussian powers around 300 W."""
    draws = np.random.default_rng(seed)
    return np.asarray(300 + 50 * draws.standard_normal((households, days, slots)), dtype=np.float32)


def sample(power_w: Singles, reference_w: Singles, is_away: np.ndarray | None = None) -> Sample:
    """Readings by quarter-hour, of whole weeks, that nobody knows more about."""
    return Sample(
        coarse_w=power_w,
        load_w=power_w,
        fine_w=power_w[:, -7:],
        import_w=np.maximum(power_w[:, -7:], 0),
        reference_w=reference_w,
        is_away=np.zeros((len(power_w), power_w.shape[1] // 7), dtype=np.bool_) if is_away is None else is_away,
        events=None,
        fine_min=15,
        coarse_min=15,
    )


def own_file(path: Path, households: int = 12, weeks: int = 3, step_min: int = 60) -> Path:
    """A good file of readings."""
    start = np.datetime64("2026-03-05T00:00")
    energies = averaged(noise(households, 7 * weeks, 96), step_min // 15).reshape(households, -1) * step_min / 60
    lines = ["start," + ",".join(f"house {number}" for number in range(households))]
    for place, row in enumerate(energies.T):
        lines.append(f"{start + np.timedelta64(place * step_min, 'm')}+01:00," + ",".join(f"{one:.1f}" for one in row))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def options(out: Path, seed: int = 7, *, resume: bool = True) -> Options:
    """Options of a run in a directory."""
    return Options(seed=seed, out=out, resume=resume, jobs=1)
