"""The topics of the bus.

`dcnet/1/register/<name>`, and per network `up/<name>`, `down/<name>`, `tunnel/<name>`, `all/<what>`, `result`,
`decoded/...`; `dcnet/1/presence/<provider>`. Source: docs/protocol.md, "Topics".
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from common.identifiers import NO_NETWORK, NetworkId, is_name
from common.refusal import Refusal, RefusedError

ROOT: Final = "dcnet/1"


class Channel(Enum):
    """What a topic is for."""

    REGISTER = "register"
    UP = "up"
    DOWN = "down"
    TUNNEL = "tunnel"
    ALL = "all"


class Broadcast(Enum):
    """What the provider says to all members of a network."""

    ROSTER = "roster"
    FINAL = "final"
    CORRECTION = "correction"
    REVOCATIONS = "revocations"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart; `name` is a gateway's, or what is broadcast. A registration has no network yet."""

    channel: Channel
    network: NetworkId
    name: str

    def __str__(self) -> str:
        if self.channel is Channel.REGISTER:
            return f"{ROOT}/register/{self.name}"
        return f"{ROOT}/{self.network}/{self.channel.value}/{self.name}"


def register(name: str) -> str:
    """Where a gateway without a network sends notification 1."""
    return str(Topic(Channel.REGISTER, NO_NETWORK, name))


def up(network: NetworkId, name: str) -> str:
    """Where a member sends to the provider."""
    return str(Topic(Channel.UP, network, name))


def down(network: NetworkId, name: str) -> str:
    """A member's inbox; with network 0, of a gateway that has none yet."""
    return str(Topic(Channel.DOWN, network, name))


def tunnel(network: NetworkId, name: str) -> str:
    """Where a member sends what the provider forwards through a tunnel."""
    return str(Topic(Channel.TUNNEL, network, name))


def broadcast(network: NetworkId, what: Broadcast) -> str:
    """Where the provider speaks to all members of a network."""
    return str(Topic(Channel.ALL, network, what.value))


def result(network: NetworkId) -> str:
    """Where each closed round appears as retained JSON."""
    return f"{ROOT}/{network}/result"


def presence(provider: str) -> str:
    """Where a retained `online` or `offline` tells whether a provider is there.

    Only a provider has one. When a gateway is offline says when a household is away or without power, so nobody
    publishes that; the provider itself sees who is missing, which the protocol cannot hide from it.
    """
    return f"{ROOT}/presence/{provider}"


def leaves(network: NetworkId, part: int) -> str:
    """Where the provider keeps one part of the roster's leaves for all members, counted from 0."""
    return str(Topic(Channel.ALL, network, f"leaves-{part}"))


def inbox_filter(name: str) -> str:
    """The subscription of a gateway to its inbox in whichever network it is."""
    return f"{ROOT}/+/down/{name}"


def broadcast_filter(network: NetworkId) -> str:
    """The subscription of a member to what the provider says to all."""
    return f"{ROOT}/{network}/all/+"


PROVIDER_FILTERS: Final = (f"{ROOT}/register/+", f"{ROOT}/+/up/+", f"{ROOT}/+/tunnel/+")
"""What the provider subscribes to; the filters do not overlap."""


@lru_cache(maxsize=65_536)
def parse(text: str) -> Topic:
    """Take a topic apart.

    Raises:
        RefusedError: WRONG_TOPIC.
    """
    levels = text.split("/")
    if levels[:2] != ["dcnet", "1"] or not is_name(levels[-1]):
        raise RefusedError(Refusal.WRONG_TOPIC)
    if len(levels) == 4 and levels[2] == "register":
        return Topic(Channel.REGISTER, NO_NETWORK, levels[3])
    channels = {channel.value: channel for channel in Channel if channel is not Channel.REGISTER}
    if len(levels) != 5 or levels[3] not in channels or not _is_number(levels[2]):
        raise RefusedError(Refusal.WRONG_TOPIC)
    return Topic(channels[levels[3]], NetworkId(int(levels[2])), levels[4])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and str(int(text)) == text and int(text) < 2**32
