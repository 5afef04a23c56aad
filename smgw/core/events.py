"""What happens to a gateway (events), what it wants done (effects), and what it keeps (records).

In every list of effects, what must be stored comes before what must be sent.
"""

from dataclasses import dataclass
from enum import IntEnum

from common.clients import ClientSet
from common.frames import Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.refusal import Refusal
from smgw.core.reading import Reading


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
class Tick:
    """The deadline that the machine named has come."""


Event = Connected | Disconnected | Received | ReadingTaken | LeaveRequested | Tick


@dataclass(frozen=True, slots=True)
class Membership:
    """Which network the gateway is in, and as whom."""

    network: NetworkId
    client: ClientId
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A seed shared with one neighbor. Its masks are used once a FINAL has started it (`is_started`).

    `peer_key` is the neighbor's Ed25519 key (32 bytes), `stood_ms` when the seed was stored.
    """

    tunnel: TunnelId
    peer: ClientId
    peer_key: bytes
    seed: Seed
    is_started: bool
    stood_ms: int


@dataclass(frozen=True, slots=True)
class EdgeErased:
    """The seed of this tunnel is to be erased."""

    tunnel: TunnelId


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the gateway in one round: stored before it is sent, repeated as it is, never made anew.

    `tunnels` are the edges whose masks cover it, `missing` all whom corrections have named so far.
    """

    round: RoundNumber
    view: bytes
    reading: Reading
    attempt: int
    tunnels: tuple[TunnelId, ...]
    missing: ClientSet
    frame: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """A FINAL closed this round; `is_included` tells whether the gateway's reading is in the sum."""

    round: RoundNumber
    is_included: bool


@dataclass(frozen=True, slots=True)
class Departed:
    """The gateway has left: membership and every seed are to be erased."""


Record = Membership | Edge | EdgeErased | Sent | Closed | Departed


@dataclass(frozen=True, slots=True)
class VaultContents:
    """What a gateway remembers when it starts; `sent` is the last one, `closed` the last closed round."""

    membership: Membership | None = None
    edges: tuple[Edge, ...] = ()
    sent: Sent | None = None
    closed: RoundNumber | None = None


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
