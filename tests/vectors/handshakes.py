"""What the vector files say of the handshake: one of each kind, with the ephemeral secrets that made it."""

from typing import Any, Final

from common.agreement import NO_TUNNEL, Ends, Initiator, Introduction, Responder
from common.identifiers import ClientId, NetworkId, TunnelId
from common.roster import Leaf, RosterRoot
from common.secret import Secret
from common.tunnels import Kind
from tests.vectors.good_frames import plain
from tests.vectors.members import (
    FIRST,
    GATEWAY_CERTIFICATE,
    GATEWAY_LEAF,
    GROWN,
    NEIGHBOR_CERTIFICATE,
    NEIGHBOR_LEAF,
    NETWORK,
    OPENING,
)

DAY: Final = 20_453
DRAW: Final = Ends(NETWORK, TunnelId(2**63 + 1), Kind.DRAW, GROWN.at, GATEWAY_LEAF, NEIGHBOR_LEAF)
_MESH: Final = Ends(NETWORK, TunnelId(1), Kind.MESH, FIRST.at, NEIGHBOR_LEAF, GATEWAY_LEAF)
_RENEWAL: Final = Ends(
    NetworkId(2**32 - 1),
    TunnelId(2**64 - 1),
    Kind.RENEWAL,
    RosterRoot(2**32 - 1, 2**32 - 1, 2**32 - 2, bytes([0xFF]) * 32),
    Leaf(ClientId(2**32 - 1), bytes([1]) * 32, bytes([2]) * 32, 2**32 - 1),
    Leaf(ClientId(1), bytes([3]) * 32, bytes([4]) * 32, 0),
)
GATEWAY_SAYS: Final = Introduction(GATEWAY_CERTIFICATE, NO_TUNNEL, DAY, OPENING.encode())
NEIGHBOR_SAYS: Final = Introduction(NEIGHBOR_CERTIFICATE)
SECRETS: Final = (bytes([0x11]) * 32, bytes([0x22]) * 32)


def _handshake(
    ends: Ends, initiator_says: Introduction, responder_says: Introduction, secrets: tuple[bytes, bytes]
) -> dict[str, Any]:
    initiator, responder = Initiator(ends, Secret(secrets[0])), Responder(ends, Secret(secrets[1]))
    reply = responder.reply(initiator.hello, responder_says)
    initiator.meet(reply)
    confirm = initiator.confirm(initiator_says)
    _, seed, stored = responder.meet(confirm)
    initiator.finish(stored)
    return {
        "ends": plain(ends),
        "initiator_ephemeral": secrets[0].hex(),
        "responder_ephemeral": secrets[1].hex(),
        "initiator_held": initiator_says.held,
        "responder_held": responder_says.held,
        "initiator_certificate": initiator_says.certificate.hex(),
        "responder_certificate": responder_says.certificate.hex(),
        "opening": initiator_says.opening.hex(),
        "day": initiator_says.day,
        "hello": initiator.hello.hex(),
        "reply": reply.hex(),
        "confirm": confirm.hex(),
        "stored": stored.hex(),
        "seed": seed.secret.reveal().hex(),
    }


def handshake() -> dict[str, Any]:
    """The content of `handshake.json`."""
    mesh = Introduction(NEIGHBOR_CERTIFICATE, day=0), Introduction(GATEWAY_CERTIFICATE)
    renewal = (
        Introduction(b"\x30", TunnelId(2**64 - 2), 2**32 - 1),
        Introduction(NEIGHBOR_CERTIFICATE, TunnelId(5)),
    )
    return {
        "handshakes": [
            _handshake(DRAW, GATEWAY_SAYS, NEIGHBOR_SAYS, SECRETS),
            _handshake(_MESH, *mesh, (bytes(range(32)), bytes([0xFF]) * 32)),
            _handshake(_RENEWAL, *renewal, (bytes([0x33]) * 32, bytes([0x44]) * 32)),
        ]
    }
