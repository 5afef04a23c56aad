"""How probable something at least so extreme is by chance: the one home of the tails that our statistical tests use.

`sub_gaussian` and `more_than` are upper bounds that hold for any number of observations, `chi_square_tail` is exact for
the distribution to which Pearson's statistic tends. A test built on a bound raises fewer false alarms than it states.
"""

from math import erfc, exp, lgamma, log, sqrt


def chi_square_tail(value: float, degrees: int) -> float:
    """The probability that a chi-square variable of so many degrees of freedom is above `value`.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5, the terms in logarithms so
    that none of them overflows.
    """
    assert degrees > 0, "there is no distribution without a degree of freedom"
    half = value / 2
    if half <= 0:
        return 1.0
    first = (degrees % 2) / 2
    powers = [first + index for index in range((degrees + 1) // 2) if first + index < degrees / 2]
    terms = (exp(power * log(half) - lgamma(power + 1) - half) for power in powers)
    return min(1.0, (erfc(sqrt(half)) if degrees % 2 else 0.0) + sum(terms))


def sub_gaussian(deviations: float) -> float:
    """A bound for both tails of a weighted sum of independent uniform variables or coins, centered at zero.

    `deviations` is the sum in units of its standard deviation. Both kinds are strictly sub-Gaussian, so the bound
    holds whatever the weights, such as readings, and however few they are.
    Source: Hoeffding, Probability inequalities for sums of bounded random variables, JASA 58 (1963); Arbel, Marchal,
    Nguyen, On strict sub-Gaussianity, ESAIM: P&S 24 (2020).
    """
    return min(1.0, 2 * exp(-deviations * deviations / 2))


def more_than(count: int, mean: float) -> float:
    """A bound for the probability of at least `count` rare events among independent trials, when `mean` are expected.

    Source: the Chernoff bound; Mitzenmacher and Upfal, Probability and Computing, theorem 4.4.
    """
    return 1.0 if count <= mean else exp(count - mean - count * log(count / mean))
