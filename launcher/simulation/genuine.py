"""Whether a gateway's neighbors are genuine: all of them what it holds them for, and half of those that it drew.

Source: docs/protocol.md, "Draw" (half proven), "Key agreement".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.roster import MESH_MAX, RosterRoot
from launcher.simulation.drawings import Drawings
from launcher.simulation.oracle import MemberKey, Oracle
from launcher.simulation.trace import ViolationError
from smgw.core.events import Calibration, Edge, Membership, Outcome, Record, Sent, Slot, VaultContents

GRACE_ROUNDS: Final = 8
"""So many rounds after a new draw those who were drawn before may count instead."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """Whom a gateway drew by then, how many of them must be under a frame, and when they last were."""

    drawn: frozenset[ClientId]
    needed: int
    round: RoundNumber


@final
class Genuine:
    """Watches what gateways keep. A gateway of the administrator is known by its key; nobody else is genuine."""

    def __init__(self, oracle: Oracle, drawings: Drawings, draws: int) -> None:
        """`draws` is how many neighbors a gateway draws by the rules."""
        self._oracle: Final = oracle
        self._drawings: Final = drawings
        self._draws: Final = draws
        self._wrong_clocks: set[str] = set()
        self._met: dict[str, _Draw] = {}
        self.keys: dict[str, bytes] = {}
        """The public key of each gateway of the administrator, by name."""

    def started(self, name: str) -> None:
        """A process begins anew: it knows nothing of its clock, and of no draw before the present one."""
        self._wrong_clocks.discard(name)
        self._met.pop(name, None)

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
        under = {edge.peer_key: edge.peer for edge in edges}
        now, before = self._drawn(network, contents, sent.round), self._met.get(name)
        proven = now.drawn & set(under.values())
        if len(proven) >= now.needed:
            self._met[name] = now
            return
        is_recent = before is not None and sent.round - before.round <= GRACE_ROUNDS and before.drawn != now.drawn
        if before is None or not is_recent or len(before.drawn & set(under.values())) < before.needed:
            raise ViolationError(
                f"{name} sends under masks of {len(proven)} genuine of those it drew, not {now.needed}"
            )

    def _drawn(self, network: NetworkId, contents: VaultContents, round_: RoundNumber) -> _Draw:
        at = next((known.at for known in contents.rosters if known.network == network), RosterRoot(0, 0, 0, b""))
        if not at.is_mesh and contents.slots:
            return _Draw(frozenset(slot.client for slot in contents.slots), (len(contents.slots) + 1) // 2, round_)
        everybody = frozenset(ClientId(client) for client in range(1, at.leaves + 1))
        return _Draw(everybody, at.live // 2 if at.is_mesh else MESH_MAX // 2, round_)
