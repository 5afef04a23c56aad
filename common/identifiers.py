"""Identifiers of the protocol as distinct types, and the rule for names.

Source: thesis section 3.3.2 (protocol header); docs/protocol.md, "Frames" and "Topics".
"""

import re
from typing import Final, NewType

NetworkId = NewType("NetworkId", int)
"""One DC-net, 1 to 2**32 - 1; unique and unchangeable (thesis: DC Net Identifier). 0 stands for "not assigned"."""

ClientId = NewType("ClientId", int)
"""One member of a network, 1 to 2**32 - 1, never given twice (thesis: subscriber ID). 0 is the provider, or all."""

RoundNumber = NewType("RoundNumber", int)
"""One reporting interval: floor(Unix time / period)."""

TunnelId = NewType("TunnelId", int)
"""One provider-relayed channel between two members, and the edge of the key graph made in it: 64 random bits."""

NO_NETWORK: Final = NetworkId(0)
EVERYONE: Final = ClientId(0)

_NAME = re.compile(r"[a-z0-9-]{1,32}")


def is_name(text: str) -> bool:
    """Tell whether `text` may name a gateway, a region or the provider on the bus: `[a-z0-9-]`, 1 to 32 characters."""
    return _NAME.fullmatch(text) is not None
