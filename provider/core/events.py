"""What happens to the provider (events), what it wants done (effects), and what it keeps (records).

In every list of effects, what must be stored comes before what must be sent.
"""

from dataclasses import dataclass
from enum import Enum

from common.frames import Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.parameters import Parameters
from common.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Connected:
    """The bus is there."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The bus is gone."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the bus; `is_retained` when the broker had kept it."""

    topic: str
    payload: bytes
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """Messages in the order of their arrival, as many as were there at once."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline that the machine named has come."""


@dataclass(frozen=True, slots=True)
class RevocationsRenewed:
    """The administrator has handed out another list of revoked certificates; `der` is the list itself."""

    der: bytes


Event = Connected | Disconnected | Received | Tick | RevocationsRenewed


class MemberState(Enum):
    """Where a member stands. Only a present one can be expected in a round."""

    JOINING = "joining"
    PRESENT = "present"
    AWAY = "away"
    LEAVING = "leaving"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """One member as the store keeps it.

    `draw_root` commits to its draw values (32 bytes), `certificate` is its latest one (DER), `epoch` that of the first
    roster that holds it, 0 before. `exit_frame` is its signed notification 3, once it has said that it leaves; whose
    certificate ended its membership leaves without one.
    """

    network: NetworkId
    client: ClientId
    name: str
    public_key: bytes
    draw_root: bytes
    certificate: bytes
    state: MemberState
    epoch: int = 0
    exit_frame: bytes | None = None


class EdgeState(Enum):
    """Where an edge of the key graph stands: tunnel open, seed stored at both ends, masks in use."""

    OPEN = "open"
    STANDING = "standing"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """One edge as the store keeps it; `initiator` asked for `responder`. Open tunnels are not stored."""

    network: NetworkId
    tunnel: TunnelId
    initiator: ClientId
    responder: ClientId
    state: EdgeState


@dataclass(frozen=True, slots=True)
class EdgeRemoved:
    """This edge is no longer part of the key graph."""

    network: NetworkId
    tunnel: TunnelId


@dataclass(frozen=True, slots=True)
class RosterRecord:
    """One epoch of the roster: how many leaves it has, how many of them have not ended, and the data of ROSTER.

    Stored before it is said, and never two for one epoch.
    """

    network: NetworkId
    epoch: int
    leaves: int
    live: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FinalRecord:
    """The signed FINAL frame of a round; stored before it is sent, and never two for one round."""

    network: NetworkId
    round: RoundNumber
    frame: bytes


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """A round whose FINAL is stored, and whose sum waits for shares: what `provider.core.opening` encodes.

    The result of the round erases it.
    """

    network: NetworkId
    round: RoundNumber
    data: bytes


class RoundStatus(Enum):
    """How a round ended; a pending one has not, and waits for shares."""

    COMPLETE = "complete"
    CORRECTED = "corrected"
    PENDING = "pending"
    REFUSED = "refused"
    LOST = "lost"


class Why(Enum):
    """Why there is no sum; the value is the sentence."""

    NONE = ""
    BELOW_MINIMUM = "fewer members than the minimum are present"
    TOO_FEW_LEFT = "without the missing, fewer members than the minimum are left"
    SPLIT = "without the missing, the key graph falls apart into parts below the minimum"
    ATTEMPTS = "members kept dropping out until no correction was left"
    NOBODY = "no frame arrived"
    BUS_DOWN = "the broker could not be reached"
    PROVIDER_DOWN = "the provider was not running, or stopped, within the round"
    NO_CANCEL = "the masks did not cancel"
    SHARES = "holders of shares of its self-masks are silent"
    SHARES_LOST = "holders of shares of its self-masks stayed silent for eight rounds"
    TOO_FEW_READINGS = "fewer members than the minimum had a valid reading"


@dataclass(frozen=True, slots=True)
class RoundResult:
    """One closed round. Energies in 0.1 Wh; None when no sum is published.

    `start_ms` is the start of the interval that was metered, which is one period before the round's own. `members` were
    expected, `present` are in the sum, `missing` = `members` - `present`; `away` are members that were not expected.
    """

    network: NetworkId
    region: str
    round: RoundNumber
    start_ms: int
    status: RoundStatus
    why: Why
    members: int
    present: int
    missing: int
    away: int
    attempts: int
    import_dwh: int | None
    export_dwh: int | None
    contributors: int | None
    duration_ms: int


Record = MemberRecord | EdgeRecord | EdgeRemoved | RosterRecord | FinalRecord | PendingRecord | RoundResult


@dataclass(frozen=True, slots=True)
class StoreContents:
    """What the provider remembers of one network when it starts.

    Members in the order of their client identifiers, which have no gap; rosters of all epochs from 1 on, in order;
    `final` is the last FINAL frame; `pending` are the rounds that wait for shares, each with its own FINAL frame.
    """

    members: tuple[MemberRecord, ...] = ()
    edges: tuple[EdgeRecord, ...] = ()
    rosters: tuple[RosterRecord, ...] = ()
    final: bytes | None = None
    pending: tuple[tuple[bytes, PendingRecord], ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSetup:
    """One network to run: its unchangeable number, its rules, and what the store held."""

    network: NetworkId
    parameters: Parameters
    contents: StoreContents


@dataclass(frozen=True, slots=True)
class Store:
    """Keep `record`, on the disk before anything after it in the list is done."""

    record: Record


@dataclass(frozen=True, slots=True)
class Publish:
    """Send `payload`, QoS 1; worthless after `expires_ms` (Unix milliseconds)."""

    topic: str
    payload: bytes
    expires_ms: int
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class RoundClosed:
    """A round is closed: write its line, publish its result. It is stored already; a pending one has no line yet.

    `certified` is how many gateways of the region hold a valid certificate, by the administrator's list.
    """

    result: RoundResult
    certified: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """A message was refused: count it. `notification` is None when the bytes were no frame."""

    reason: Refusal
    notification: Notification | None
    topic: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the provider's staff."""

    text: str
    is_warning: bool = False


Effect = Store | Publish | RoundClosed | Refuse | Notice
