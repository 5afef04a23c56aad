"""What happens to a gateway (events), what it wants done (effects), and what it keeps (records).

In every list of effects, what must be stored comes before what must be sent.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from common.clients import ClientSet
from common.frames import Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import NO_VIEW
from common.refusal import Refusal
from common.roster import RosterRoot
from smgw.core.reading import Reading

ROUNDS_KEPT: Final = 9
"""Of so many rounds a gateway remembers what it sent: the present one, and eight that may wait for a share of it."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The bus is there; whatever was subscribed to stands again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The bus is gone."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the bus; `is_retained` when the broker had kept it."""

    topic: str
    payload: bytes
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class ReadingTaken:
    """The meter's answer to `TakeReading`."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class LeaveRequested:
    """The owner wants to leave the network for good."""


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The wall clock was set: it moved by so many milliseconds more than the steady one, or less when negative."""

    by_ms: int


@dataclass(frozen=True, slots=True)
class RevocationsRenewed:
    """Somebody has put another list of revoked certificates (DER) into the gateway's home directory."""

    der: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline that the machine named has come."""


Event = Connected | Disconnected | Received | ReadingTaken | LeaveRequested | ClockStepped | RevocationsRenewed | Tick


@dataclass(frozen=True, slots=True)
class Membership:
    """Which network the gateway is in, and as whom.

    `serial` is the number of the certificate with which it registered last, 0 when that is not known.
    """

    network: NetworkId
    client: ClientId
    is_leaving: bool = False
    serial: int = 0

    @property
    def place(self) -> tuple[NetworkId, ClientId]:
        """Network and client, which nobody else ever is."""
        return self.network, self.client


@dataclass(frozen=True, slots=True)
class Edge:
    """A seed shared with one neighbor. Its masks are used once a FINAL has started it (`is_started`).

    `peer_key` is the neighbor's Ed25519 key (32 bytes), `peer_serial` the number of the certificate that it showed in
    the handshake, `peer_until_ms` when that expires. `stood_ms` is when the seed was stored. `holds` tells whether the
    neighbor counts on this gateway to open its self-masks.
    """

    tunnel: TunnelId
    peer: ClientId
    peer_key: bytes
    peer_serial: int
    peer_until_ms: int
    seed: Seed
    is_started: bool
    stood_ms: int
    holds: bool = False


@dataclass(frozen=True, slots=True)
class EdgeErased:
    """The seed of this tunnel is to be erased."""

    tunnel: TunnelId


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the gateway in one round: stored before it is sent, repeated as it is, never made anew.

    `tunnels` are the edges whose masks cover it, `missing` all whom corrections have named so far, `neighbors` those
    whose masks were under the round's first frame, ascending.
    """

    round: RoundNumber
    view: bytes
    reading: Reading
    attempt: int
    tunnels: tuple[TunnelId, ...]
    missing: ClientSet
    frame: bytes
    neighbors: tuple[ClientId, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """The FINAL that `view` names closed this round; `is_included` tells whether the reading is in the sum."""

    round: RoundNumber
    is_included: bool
    view: bytes = NO_VIEW


@dataclass(frozen=True, slots=True)
class Slot:
    """One draw: to whom the draw value `number` fell in the roster `at`. Stored before the provider hears of it.

    `client` is 0 when the slot was given up. `whole_leaves` is how many leaves there were when the gateway last drew
    all its slots; `is_opened` tells whether the value was shown to the neighbor: then it is never drawn again.
    """

    number: int
    at: RosterRoot
    counter: int
    client: ClientId
    whole_leaves: int
    is_opened: bool = False


@dataclass(frozen=True, slots=True)
class SlotEnded:
    """This slot's neighbor is not drawn any more. Its number is never drawn again."""

    number: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """A slot was given up although nothing shows that its neighbor left: few such are allowed for one certificate.

    `serial` is the number of the gateway's own certificate.
    """

    serial: int
    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The provider has moved the gateway to another network so many `times`: few such are allowed for one certificate.

    `serial` is the number of the gateway's own certificate.
    """

    serial: int
    times: int


@dataclass(frozen=True, slots=True)
class MemberGone:
    """It is proven that this member of the present network left for good."""

    client: ClientId


@dataclass(frozen=True, slots=True)
class KnownRoster:
    """The newest roster of a network that was accepted, and its name (32 bytes). It outlives a membership.

    `period_ms` is how long the network's rounds are, for ever.
    """

    network: NetworkId
    at: RosterRoot
    name: bytes
    period_ms: int


@dataclass(frozen=True, slots=True)
class KnownRevocations:
    """The newest list of revoked certificates (DER)."""

    number: int
    der: bytes


class LogLevel(IntEnum):
    """Weight of an entry in the calibration log (BSI TR-03109-1)."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    FATAL = 4


class Outcome(IntEnum):
    """How what an entry in the calibration log tells of ended (BSI TR-03109-1)."""

    SUCCESS = 0
    FAILURE = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """An entry of the calibration log: something that bears on the legal time of readings. The vault numbers it."""

    time_ms: int
    level: LogLevel
    text: str
    outcome: Outcome


class Offense(IntEnum):
    """What the provider has signed that it must not, or has done to this gateway."""

    TWO_FINALS = 1
    TWO_CORRECTIONS = 2
    NAMED_AND_INCLUDED = 3
    LEFT_OUT = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two signed frames that contradict each other, byte for byte, for whoever wants to check them.

    Of LEFT_OUT the first is the gateway's own frame, the second the FINAL that is without it.
    """

    time_ms: int
    round: RoundNumber
    offense: Offense
    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class Departed:
    """The gateway has left: membership and every seed are to be erased. Used slots and known rosters stay known."""


Record = (
    Membership
    | Edge
    | EdgeErased
    | Sent
    | Closed
    | Slot
    | SlotEnded
    | Replaced
    | Moved
    | MemberGone
    | KnownRoster
    | KnownRevocations
    | Calibration
    | Evidence
    | Departed
)


@dataclass(frozen=True, slots=True)
class VaultContents:
    """What a gateway remembers when it starts: of the last rounds what it `sent` last in each, and how they `closed`.

    `left_out_ms` are the moments at which the provider left it out although it had sent, of the last day. `slots` are
    the live ones of the present membership, `gone` the members of its network that are proven to have left, `used` the
    numbers of all that were ever drawn; `revocations` is empty when the vault knows no list. Energy up to
    `metered_until_ms` was reported, in whichever network.
    """

    membership: Membership | None = None
    edges: tuple[Edge, ...] = ()
    sent: tuple[Sent, ...] = ()
    closed: tuple[Closed, ...] = ()
    slots: tuple[Slot, ...] = ()
    used: frozenset[int] = frozenset()
    replaced: tuple[Replaced, ...] = ()
    rosters: tuple[KnownRoster, ...] = ()
    revocations: bytes = b""
    moved: tuple[Moved, ...] = ()
    left_out_ms: tuple[int, ...] = ()
    gone: frozenset[ClientId] = frozenset()
    metered_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Store:
    """Keep `record`, on the disk before anything after it in the list is done."""

    record: Record


@dataclass(frozen=True, slots=True)
class Publish:
    """Send `payload`, QoS 1, not retained; worthless after `expires_ms` (Unix milliseconds)."""

    topic: str
    payload: bytes
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Listen on this filter from now on, over reconnects too."""

    topic_filter: str


@dataclass(frozen=True, slots=True)
class TakeReading:
    """Read the meter for `round`: the energy from `start_ms` to `end_ms`. Answer with `ReadingTaken`."""

    round: RoundNumber
    start_ms: int
    end_ms: int


class Level(IntEnum):
    """Weight of a notice, after the status codes of TR-03109."""

    INFO = 0
    WARNING = 1
    TEMPORARY = 2
    CRITICAL = 3
    FATAL = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the owner."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """A message or an order was refused: count it. `notification` is None when the bytes were no frame."""

    reason: Refusal
    notification: Notification | None


@dataclass(frozen=True, slots=True)
class Left:
    """The provider has confirmed the exit: the process may end."""


Effect = Store | Publish | Subscribe | TakeReading | Notice | Refuse | Left
