"""Which place in a network a gateway takes from the provider, and when another one than it has.

In a place of another number or another network every neighbor is drawn anew, so whoever could move a gateway at will
could choose its neighbors. Source: docs/protocol.md, "Registration", "Draw".
"""

from collections.abc import Iterable
from typing import Final, final

from common.refusal import Refusal
from smgw.core.events import Effect, Level, Membership, Moved, Store
from smgw.core.reports import ReportedError
from smgw.core.situation import Situation

MOVES_MAX: Final = 3
"""So often may the provider move a gateway to another network during the life of its certificate."""


@final
class Places:
    """The part of the member machine that knows under which certificate its place was given, and what may change it."""

    def __init__(self, situation: Situation, serial: int, moved: Iterable[Moved]) -> None:
        """`serial` is of the gateway's certificate; `moved` is what the vault holds."""
        self._situation: Final = situation
        self.serial: Final = serial
        self._moves = sum(each.times for each in moved if each.serial == serial)

    @property
    def has_new_certificate(self) -> bool:
        """Whether the provider has not seen the present certificate: with an expired one nobody stays a member."""
        membership = self._situation.membership
        return membership is not None and membership.serial not in {0, self.serial}

    def change(self, place: Membership) -> list[Effect]:
        """See that this place, another one than before, may be taken; what of it has to be stored.

        A gateway that is in no network takes any. A member gets another number in its network only if it has renewed
        its certificate: the old one may have ended, and its membership with it.

        Raises:
            ReportedError: UNEXPECTED.
        """
        known = self._situation.membership
        if known is None:
            return []
        if known.network == place.network:
            self._require_ended(known, place)
            return []
        if self._moves >= MOVES_MAX:
            text = (
                f"The provider wants to move this gateway from network {known.network} to network {place.network}. It"
                f" has done so {self._moves} times with this certificate, and with each move every neighbor is drawn"
                " anew. This gateway stays where it is; tell the gateway administrator."
            )
            raise ReportedError(Refusal.UNEXPECTED, Level.CRITICAL, text)
        self._moves += 1
        return [Store(Moved(self.serial, self._moves))]

    def _require_ended(self, known: Membership, place: Membership) -> None:
        if self.has_new_certificate:
            return
        text = (
            f"The provider gave this gateway another number in network {known.network}, client {place.client}, although"
            f" it is client {known.client} and has not left. With another number it would draw other neighbors, so it"
            " does not take it; tell the gateway administrator."
        )
        raise ReportedError(Refusal.UNEXPECTED, Level.CRITICAL, text)
