"""Whether a gateway's neighbors are genuine: all of them what it holds them for, and half of those that it drew.

Source: docs/protocol.md, "Draw" (half proven), "Key agreement".
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final, final

from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.roster import MESH_MAX, RosterRoot
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
    """Whom a gateway drew, and how many of them must be under a frame."""

    drawn: frozenset[ClientId]
    needed: int

    def is_met(self, peers: Set[ClientId]) -> bool:
        return len(self.drawn & peers) >= self.needed


@final
class Genuine:
    """Watches what gateways keep. A gateway of the administrator is known by its key; nobody else is genuine."""

    def __init__(self, oracle: Oracle, drawings: Drawings, draws: int) -> None:
        """`draws` is how many neighbors a gateway draws by the rules."""
        self._oracle: Final = oracle
        self._drawings: Final = drawings
        self._draws: Final = draws
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
                case KnownRoster() if record.at.is_mesh:
                    self._before.setdefault(name, {}).setdefault(_mesh(record.at), None)
                case Sent() if membership is not None:
                    self._check_sent(name, membership.network, contents, record)
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

    def _check_sent(self, name: str, network: NetworkId, contents: VaultContents, sent: Sent) -> None:
        """Half of those that a gateway drew must be genuine and under this very frame."""
        if name not in self.keys:
            return
        if name in self._wrong_clocks:
            raise ViolationError(f"{name} sends although its clock is wrong")
        edges = [edge for edge in contents.edges if edge.tunnel in sent.tunnels and self._is_genuine(network, edge)]
        under = set({edge.peer_key: edge.peer for edge in edges}.values())
        now, before = _draw(network, contents), self._before.get(name, {})
        since: dict[_Draw, RoundNumber | None] = {
            draw: sent.round if last is None else last for draw, last in before.items()
        }
        recent = {draw: last for draw, last in since.items() if sent.round - (last or 0) <= GRACE_ROUNDS}
        if not any(draw.is_met(under) for draw in (now, *recent)):
            proven = len(now.drawn & under)
            raise ViolationError(f"{name} sends under masks of {proven} genuine of those it drew, not {now.needed}")
        self._before[name] = recent | ({now: sent.round} if now.is_met(under) else {})


def _draw(network: NetworkId, contents: VaultContents) -> _Draw:
    """Whom a gateway has drawn by what its vault holds; without slots, everybody in the roster that it knows."""
    at = next((known.at for known in contents.rosters if known.network == network), RosterRoot(0, 0, 0, b""))
    if not at.is_mesh and contents.slots:
        return _Draw(frozenset(slot.client for slot in contents.slots), (len(contents.slots) + 1) // 2)
    return _mesh(at) if at.is_mesh else _Draw(_mesh(at).drawn, MESH_MAX // 2)


def _mesh(at: RosterRoot) -> _Draw:
    return _Draw(frozenset(ClientId(client) for client in range(1, at.leaves + 1)), at.live // 2)
