"""The closed set of reasons for which a message is refused, each with a sentence that a person can read.

Source: docs/protocol.md, "Refusals".
"""

from enum import IntEnum


class Refusal(IntEnum):
    """Why a message was refused; the number travels in REFUSED frames and never changes its meaning."""

    TOO_SHORT = 1
    TOO_LONG = 2
    WRONG_PROTOCOL = 3
    WRONG_VERSION = 4
    RESERVED_BIT = 5
    WRONG_LENGTH = 6
    UNKNOWN_NOTIFICATION = 7
    BAD_DATA = 8

    RETAINED = 16
    WRONG_TOPIC = 17
    WRONG_NETWORK = 18
    UNKNOWN_CLIENT = 19
    BAD_SIGNATURE = 20
    STALE = 21
    FUTURE = 22
    REPEATED = 23
    UNEXPECTED = 24

    WRONG_SUITE = 32
    WRONG_ROUND = 33
    LATE = 34
    NOT_EXPECTED = 35
    WRONG_VIEW = 36
    WRONG_MASKS = 37
    NOT_INCLUDED = 38

    NAME_TAKEN = 48
    UNKNOWN_REGION = 49
    NOT_AN_END = 50
    TUNNEL_CLOSED = 51
    BAD_HANDSHAKE = 52
    TOO_MANY_NEIGHBORS = 53
    NETWORK_FULL = 54

    TOO_FEW_MASKS = 64
    TOO_FEW_MEMBERS = 65
    NAMES_ITSELF = 66
    LIST_SHRINKS = 67
    CONTRADICTION = 68
    WEAKER_RULES = 69
    ROUND_NOT_NEW = 70
    ROUND_CLOSED = 71
    STARTED_WITHIN_ROUND = 72
    NO_FINAL = 73
    CLOCK_WRONG = 74
    STAYS_AWAY = 75
    FORGOTTEN = 76

    BAD_CERTIFICATE = 80
    CERTIFICATE_EXPIRED = 81
    CERTIFICATE_REVOKED = 82
    REVOCATIONS_EXPIRED = 83
    WRONG_SUBJECT = 84

    BAD_DRAW = 96
    TWO_ROSTERS = 97
    ROSTER_SHRINKS = 98
    ROSTER_TOO_SMALL = 99
    UNKNOWN_ROSTER = 100
    TOO_FEW_DRAWN = 101

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.TOO_SHORT: "it is shorter than a header and a signature",
    Refusal.TOO_LONG: "it is longer than any frame",
    Refusal.WRONG_PROTOCOL: "it does not begin with DCN",
    Refusal.WRONG_VERSION: "it is of another protocol version",
    Refusal.RESERVED_BIT: "a reserved bit is set",
    Refusal.WRONG_LENGTH: "its length field does not match its size",
    Refusal.UNKNOWN_NOTIFICATION: "its notification code is not known",
    Refusal.BAD_DATA: "its data does not decode",
    Refusal.RETAINED: "it was retained by the broker, which such a message never is",
    Refusal.WRONG_TOPIC: "it arrived on a topic that is not its sender's",
    Refusal.WRONG_NETWORK: "it belongs to another network",
    Refusal.UNKNOWN_CLIENT: "its client identifier is not a member",
    Refusal.BAD_SIGNATURE: "its signature does not hold",
    Refusal.STALE: "its timestamp is too old",
    Refusal.FUTURE: "its timestamp lies in the future",
    Refusal.REPEATED: "it repeats a message that was accepted",
    Refusal.UNEXPECTED: "its notification is not expected from this sender now",
    Refusal.WRONG_SUITE: "it is of another suite than the network",
    Refusal.WRONG_ROUND: "it is for another round",
    Refusal.LATE: "it came after its round was closed, or after its sender was declared missing",
    Refusal.NOT_EXPECTED: "its sender is not expected in this round",
    Refusal.WRONG_VIEW: "it continues from another FINAL than the one that was sent",
    Refusal.WRONG_MASKS: "it is not masked toward the neighbors that are expected",
    Refusal.NOT_INCLUDED: "the reading is not in the sum of this round",
    Refusal.NAME_TAKEN: "its name is registered with another key",
    Refusal.UNKNOWN_REGION: "no network serves its region",
    Refusal.NOT_AN_END: "its sender is not an end of that tunnel",
    Refusal.TUNNEL_CLOSED: "that tunnel is not open",
    Refusal.BAD_HANDSHAKE: "the key agreement in the tunnel does not hold",
    Refusal.TOO_MANY_NEIGHBORS: "the gateway has as many neighbors as it may have",
    Refusal.NETWORK_FULL: "the network has given all its client identifiers",
    Refusal.TOO_FEW_MASKS: "the reading would leave under fewer masks than the minimum",
    Refusal.TOO_FEW_MEMBERS: "fewer members are expected than the minimum",
    Refusal.NAMES_ITSELF: "it declares the gateway itself missing",
    Refusal.LIST_SHRINKS: "its list of the missing lacks one that was named before",
    Refusal.CONTRADICTION: "it contradicts an order that was signed before",
    Refusal.WEAKER_RULES: "its rules are weaker than the gateway's own settings",
    Refusal.ROUND_NOT_NEW: "the round is not above the last one that was sent",
    Refusal.ROUND_CLOSED: "the round is closed",
    Refusal.STARTED_WITHIN_ROUND: "the gateway started within this round and may have sent before",
    Refusal.NO_FINAL: "the FINAL of the round before did not arrive",
    Refusal.CLOCK_WRONG: "the gateway's clock and the provider's differ by more than the tolerance",
    Refusal.STAYS_AWAY: "the gateway stays away for a while: too often it was called missing although it had sent",
    Refusal.FORGOTTEN: "the gateway started since, and may have done more in this round than it remembers",
    Refusal.BAD_CERTIFICATE: "its certificate is not one of the gateway administrator's",
    Refusal.CERTIFICATE_EXPIRED: "its certificate has expired, or is not valid yet",
    Refusal.CERTIFICATE_REVOKED: "its certificate is revoked",
    Refusal.REVOCATIONS_EXPIRED: "the administrator's list of revoked certificates is too old",
    Refusal.WRONG_SUBJECT: "its certificate is for another name, region, role or key",
    Refusal.BAD_DRAW: "nothing proves that the neighbor was drawn",
    Refusal.TWO_ROSTERS: "the provider has shown another roster under the same number",
    Refusal.ROSTER_SHRINKS: "its roster does not continue the one before",
    Refusal.ROSTER_TOO_SMALL: "its roster holds fewer than half of the gateways with a valid certificate",
    Refusal.UNKNOWN_ROSTER: "it rests on a roster that is not known",
    Refusal.TOO_FEW_DRAWN: "too few of the neighbors that the gateway drew are among those who mask with it",
}


class RefusedError(Exception):
    """A message from outside that is refused; ordinary, counted, and never the end of anything."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
