"""Whether a gateway's neighbors are genuine: what it holds them for, and half of those that it drew.

Source: docs/protocol.md, "Draw" (half proven), "Key agreement".
"""

from collections.abc import Iterable
from typing import Final, final

from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId
from common.roster import RosterRoot
from launcher.simulation.drawings import Drawings
from launcher.simulation.oracle import MemberKey, Oracle
from launcher.simulation.trace import ViolationError
from smgw.core.events import Calibration, Edge, Membership, Outcome, Record, Sent, Slot, VaultContents


@final
class Genuine:
    """Watches what gateways keep. A gateway of the administrator is known by its key; nobody else is genuine."""

    def __init__(self, oracle: Oracle, drawings: Drawings, draws: int) -> None:
        """`draws` is how many neighbors a gateway draws by the rules."""
        self._oracle: Final = oracle
        self._drawings: Final = drawings
        self._draws: Final = draws
        self._wrong_clocks: set[str] = set()
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
                case Sent() if membership is not None and not record.attempt:
                    self._check_sent(name, membership.network, contents)
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

    def _check_sent(self, name: str, network: NetworkId, contents: VaultContents) -> None:
        if name not in self.keys:
            return
        if name in self._wrong_clocks:
            raise ViolationError(f"{name} sends although its clock is wrong")
        drawn, needed = self._drawn(network, contents)
        proven = {edge.peer for edge in contents.edges if self._is_genuine(network, edge)} & drawn
        if len(proven) < needed:
            raise ViolationError(f"{name} sends although {len(proven)} of those that it drew are genuine, not {needed}")

    def _drawn(self, network: NetworkId, contents: VaultContents) -> tuple[set[ClientId], int]:
        """Whom a gateway has drawn, and how many of them must have proven who they are."""
        at = next((known.at for known in contents.rosters if known.network == network), RosterRoot(0, 0, 0, b""))
        if at.is_mesh:
            return {ClientId(client) for client in range(1, at.leaves + 1)}, at.live // 2
        return {slot.client for slot in contents.slots}, (len(contents.slots) + 1) // 2
