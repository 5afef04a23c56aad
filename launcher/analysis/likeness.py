"""How alike what is seen and what a household used are: the metrics of the thesis, section 2.3.2, and information.

Relative entropy and regression analysis are those of Kalogridis et al., "Affordable Privacy for Home Smart Meters"
(2011), which the thesis names. Mutual information is that of changes from one interval to the next.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.households import Floats, Singles

_POWER_BINS_W: Final = np.concatenate(([-np.inf], np.geomspace(50, 6_400, 15), [np.inf]))
_CHANGE_BINS_W: Final = np.array([-1000.0, -300.0, -100.0, -30.0, 30.0, 100.0, 300.0, 1000.0])
_SEEN_LEVELS: Final = 9
_LAG_MAX_MIN: Final = 120


def relative_entropy(own_w: Singles, seen_w: Singles | Floats) -> float:
    """Kullback-Leibler divergence of the household's distribution of powers from the seen one, in bits.

    Powers fall into bins, three to an octave; half a count in each bin keeps it finite.
    """
    own, seen = (np.histogram(series, _POWER_BINS_W)[0] + 0.5 for series in (own_w, seen_w))
    p, q = own / own.sum(), seen / seen.sum()
    return float((p * np.log2(p / q)).sum())


def regression(own_w: Singles, seen_w: Singles, period_min: int) -> float:
    """R^2 of the linear regression of the household on what is seen, shifted to their greatest cross-correlation."""
    own, seen = (series.astype(np.float64) - series.mean(dtype=np.float64) for series in (own_w, seen_w))
    scale = float(np.sqrt((own @ own) * (seen @ seen)))
    if scale <= 1e-9 * len(own):
        return 0.0
    length = 2 * len(own)
    products = np.fft.irfft(np.fft.rfft(own, length) * np.conj(np.fft.rfft(seen, length)), length)
    lags = np.arange(-(_LAG_MAX_MIN // period_min), _LAG_MAX_MIN // period_min + 1)
    return min(float(products[lags].max()) / scale, 1.0) ** 2


def information(own_w: Singles, seen_w: Singles) -> float:
    """Mutual information of the changes of both series, in bits.

    The household's changes fall into nine classes of watts, the seen ones into nine of equal frequency. What
    little two independent series seem to share is the same for a stranger.
    """
    own = np.searchsorted(_CHANGE_BINS_W, np.diff(own_w))
    changes = np.diff(seen_w)
    moves = changes[changes != 0]
    if not len(moves):
        return 0.0
    limits = np.quantile(moves, np.arange(1, _SEEN_LEVELS) / _SEEN_LEVELS)
    return _shared_bits(own, np.searchsorted(np.unique(limits), changes))


def _shared_bits(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    width = int(second.max()) + 1
    counts = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width)
    table = counts.reshape(-1, width).astype(np.float64)
    joint = table / table.sum()
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log2(joint[filled] / product[filled])).sum())
