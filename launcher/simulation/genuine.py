"""Whether a gateway's neighbors are genuine: all of them what it holds them for, and enough of those that it drew.

Source: docs/protocol.md, "Draw", "Thresholds", "Key agreement".
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final, final

from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.parameters import Parameters
from common.roster import MESH_MAX, RosterRoot
from common.suites import SUITES
from launcher.simulation.disks import Store
from launcher.simulation.drawings import Drawings
from launcher.simulation.oracle import MemberKey, Oracle
from launcher.simulation.trace import ViolationError
from smgw.core.events import (
    Calibration,
    Edge,
    KnownRoster,
    Membership,
    Outcome,
    Record,
    Sent,
    Slot,
    VaultContents,
)

GRACE_ROUNDS: Final = 8
"""So many rounds after a new draw those who were drawn before may count instead."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """Whom a gateway drew: `count` of them are there or may come back, and so many must be under a frame."""

    drawn: frozenset[ClientId]
    count: int
    needed: int

    def is_met(self, peers: Set[ClientId]) -> bool:
        return len(self.drawn & peers) >= self.needed


@final
class Genuine:
    """Watches what gateways keep. A gateway of the administrator is known by its key; nobody else is genuine."""

    def __init__(self, oracle: Oracle, drawings: Drawings, store: Store, rules: Parameters) -> None:
        """`store` is the provider's, which knows the key of each member."""
        self._store: Final = store
        self._suite: Final = SUITES[rules.suite]
        self._oracle: Final = oracle
        self._drawings: Final = drawings
        self._draws: Final = rules.draws
        self._wrong_clocks: set[str] = set()
        self._before: dict[str, dict[_Draw, RoundNumber | None]] = {}
        self.keys: dict[str, bytes] = {}
        """The public key of each gateway of the administrator, by name."""

    def started(self, name: str) -> None:
        """A process begins anew: it knows nothing of its clock."""
        self._wrong_clocks.discard(name)

    def kept(self, name: str, values: DrawValues, contents: VaultContents, records: Iterable[Record]) -> None:
        """A gateway's vault has kept these records, and holds `contents` now.

        Raises:
            ViolationError: it was deceived, or does what it must not do.
        """
        membership = contents.membership
        for record in records:
            match record:
                case Membership():
                    self._drawings.begin((record.network, record.client), values, self._draws)
                case Calibration():
                    self._note_clock(name, record)
                case Slot() if membership is not None:
                    self._drawings.drew((membership.network, membership.client), record)
                case Edge() if membership is not None:
                    self._check_edge(name, (membership.network, membership.client), record)
                case KnownRoster() if record.at.is_mesh and membership is not None:
                    draw = self._draw((membership.network, membership.client), contents)
                    self._before.setdefault(name, {}).setdefault(draw, None)
                case Sent() if membership is not None:
                    self._check_sent(name, (membership.network, membership.client), contents, record)
                case _:
                    pass

    def _note_clock(self, name: str, entry: Calibration) -> None:
        if "signed time" in entry.text:
            (self._wrong_clocks.discard if entry.outcome is Outcome.SUCCESS else self._wrong_clocks.add)(name)

    def _check_edge(self, name: str, member: MemberKey, edge: Edge) -> None:
        if name not in self.keys:
            return
        self._drawings.stands(member, edge.tunnel, edge.peer)
        if not self._is_genuine(member[0], edge):
            raise ViolationError(f"{name} shares a seed with a client {edge.peer} that the administrator does not know")

    def _is_genuine(self, network: NetworkId, edge: Edge) -> bool:
        """Whether the neighbor is who its certificate says, and holds the same seed, if it holds one."""
        peer = self._oracle.names.get((network, edge.peer))
        return peer is not None and self.keys.get(peer) == edge.peer_key and self._oracle.agree(peer, edge)

    def _check_sent(self, name: str, member: MemberKey, contents: VaultContents, sent: Sent) -> None:
        """Enough of those that a gateway drew must be genuine and under this very frame, as long as it is its first.

        In suite `hardened` a correction goes by the holders under the first frame, which the oracle looks at.
        """
        if name in self._wrong_clocks and name in self.keys:
            raise ViolationError(f"{name} sends although its clock is wrong")
        edges = [edge for edge in contents.edges if edge.tunnel in sent.tunnels and self._is_genuine(member[0], edge)]
        under = set({edge.peer_key: edge.peer for edge in edges}.values())
        now, before = self._draw(member, contents), self._before.get(name, {})
        since: dict[_Draw, RoundNumber | None] = {
            draw: sent.round if last is None else last for draw, last in before.items()
        }
        recent = {draw: last for draw, last in since.items() if sent.round - (last or 0) <= GRACE_ROUNDS}
        met = [now] if now.is_met(under) else [draw for draw in recent if draw.is_met(under)]
        if not met and name in self.keys and not (sent.attempt and self._suite.has_release):
            proven = len(now.drawn & under)
            raise ViolationError(f"{name} sends under masks of {proven} genuine of those it drew, not {now.needed}")
        if name in self.keys:
            self._before[name] = recent | ({now: sent.round} if now in met else {})
        self._oracle.sent(name, member, sent, [(draw.drawn, draw.count) for draw in met or [now]])

    def _draw(self, member: MemberKey, contents: VaultContents) -> _Draw:
        """Whom a gateway has drawn by what its vault holds; without slots, everybody in the roster that it knows."""
        at = next((known.at for known in contents.rosters if known.network == member[0]), RosterRoot(0, 0, 0, b""))
        others = self._others(member, at.leaves, contents.gone)
        if at.is_mesh:
            return self._drawn(_first(at.leaves), others)
        if contents.slots:
            return self._drawn(frozenset(slot.client for slot in contents.slots), min(len(contents.slots), others))
        return self._drawn(_first(MESH_MAX), MESH_MAX - 1)

    def _drawn(self, drawn: frozenset[ClientId], count: int) -> _Draw:
        return _Draw(drawn, count, self._suite.needed(count))

    def _others(self, member: MemberKey, leaves: int, gone: Set[ClientId]) -> int:
        """How many other parties there are among the first `leaves` members, without those that are gone for good."""
        latest = {self._store.members[member[0], client].public_key: client for client in sorted(_first(leaves))}
        left = [client for client in latest.values() if client in gone]
        return max(len(latest) - 1 - len(left), 0)


def _first(count: int) -> frozenset[ClientId]:
    return frozenset(ClientId(client) for client in range(1, count + 1))
