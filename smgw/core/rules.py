"""Whether the rules of a network are as strict as the owner of a gateway wants them.

Source: docs/protocol.md, "Roster".
"""

from common.parameters import Parameters
from smgw.core.situation import MemberRules


def objection(rules: MemberRules, parameters: Parameters, known_period_ms: int | None) -> str | None:
    """Why a gateway with these settings takes no part in a network, for its owner; None when it may.

    `known_period_ms` is how long the network's rounds are as far as the gateway knows.
    """
    period_ms = parameters.schedule.period_ms
    if known_period_ms is not None and period_ms != known_period_ms:
        return (
            f"The network's rounds, of {known_period_ms / 1000:g} s, now shall be {period_ms / 1000:g} s long."
            " They never change: their sums would overlap. This gateway does not take part."
        )
    if period_ms < rules.period_min_ms:
        return (
            f"The network's rounds are {period_ms / 1000:g} s long; this gateway's own settings ask for at least"
            f" {rules.period_min_ms / 1000:g} s. It does not take part."
        )
    pairs = (
        (parameters.members_min, rules.members_min),
        (parameters.masks_min, rules.masks_min),
        (parameters.draws, rules.draws_min),
    )
    is_weaker = any(network < own for network, own in pairs)
    if not is_weaker and parameters.suite == rules.suite.code:
        return None
    return (
        f"The network wants suite {parameters.suite}, at least {parameters.members_min} members,"
        f" {parameters.masks_min} masks and {parameters.draws} drawn neighbors; this gateway's own settings ask for"
        f" suite {rules.suite.code}, {rules.members_min}, {rules.masks_min} and {rules.draws_min}. It does not take"
        " part."
    )
