"""The rounds of a network that wait for shares: who is asked for them, and what becomes of each.

Source: docs/protocol.md, "Release".
"""

from typing import Final, final

from common.frames import Notification, SignedFrame
from common.identifiers import ClientId, RoundNumber
from common.payloads import Hold, Release
from common.refusal import Refusal, RefusedError
from common.superposition import Lanes
from provider.core.desk import Desk, Member
from provider.core.events import (
    Effect,
    MemberState,
    Notice,
    PendingRecord,
    RoundClosed,
    RoundResult,
    RoundStatus,
    Store,
    StoreContents,
    Why,
)
from provider.core.opening import PENDING_ROUNDS, Draft, Opening
from provider.core.round import Round, judge


@final
class Openings:
    """Collects what opens the sums of closed rounds; unused in a suite without self-masks."""

    def __init__(self, desk: Desk, contents: StoreContents) -> None:
        self._desk: Final = desk
        self._all: Final[dict[RoundNumber, Opening]] = {}
        for frame, record in contents.pending:
            self._all[record.round] = Opening.decode(desk.network, frame, record.data)
        self._note_pending()

    def add(self, closed: Round, draft: Draft, frame: bytes) -> list[Effect]:
        """A round is closed by the FINAL `frame`, and its self-masks are not open."""
        included = sorted(set(closed.near) - closed.missing)
        sealed = closed.sealed
        opening = Opening(
            self._desk.network, frame, draft, closed.total(included), {client: sealed[client] for client in included}
        )
        self._all[closed.number] = opening
        self._note_pending()
        return [Store(PendingRecord(self._desk.network, closed.number, opening.encode()))]

    def release(self, member: Member, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """Take a RELEASE; tell its sender who else counts on it.

        Raises:
            RefusedError: it is for no round that waits, or does not fit it.
        """
        release = Release.decode(signed.frame.data)
        if release.suite != self._desk.parameters.suite or not self._desk.suite.has_release:
            raise RefusedError(Refusal.WRONG_SUITE)
        opening = self._all.get(release.round)
        if opening is None:
            raise RefusedError(Refusal.LATE)
        untold = opening.accept(member.client, release)
        if not untold:
            return []
        return [self._desk.order(member, Notification.HOLD, Hold(untold).encode(), now_ms)]

    def settle(self, now_ms: int) -> list[Effect]:
        """Close the rounds whose sums are open now."""
        effects: list[Effect] = []
        for opening in self._all.values():
            if not opening.is_open and (total := opening.open()) is not None:
                effects += self._close(opening, total, now_ms)
        if effects:
            self._note_pending()
        return effects

    def review(self, final: RoundNumber, now_ms: int) -> list[Effect]:
        """The FINAL of a round was sent: ask again for what older ones lack, and give up those that lack it long."""
        effects: list[Effect] = []
        for number, opening in list(self._all.items()):
            if number >= final:
                continue
            if opening.is_open:
                del self._all[number]
            elif number <= final - PENDING_ROUNDS:
                del self._all[number]
                effects += self._give_up(opening, now_ms)
            else:
                effects += self._say_pending(opening, now_ms) + self._ask_again(opening, now_ms)
        self._note_pending()
        return effects

    def connected(self, now_ms: int) -> list[Effect]:
        """The bus is there, perhaps after a restart: ask for whatever lacks."""
        return [effect for opening in self._all.values() for effect in self._ask_again(opening, now_ms)]

    def _ask_again(self, opening: Opening, now_ms: int) -> list[Effect]:
        members = (self._desk.members[client] for client in opening.lacking() if not opening.is_open)
        there = (member for member in members if member.is_reachable or member.state is MemberState.LEAVING)
        return [self._desk.forward(opening.frame, member, now_ms) for member in there]

    def _say_pending(self, opening: Opening, now_ms: int) -> list[Effect]:
        if opening.is_said:
            return []
        opening.is_said = True
        text = (
            f"round {opening.number} is pending: {opening.covered} of {len(opening.sealed)} self-masks lack shares;"
            f" members that return within {PENDING_ROUNDS} rounds can still open it"
        )
        result = self._result(opening, RoundStatus.PENDING, Why.SHARES, None, now_ms)
        return [Notice(text, is_warning=True), RoundClosed(result, self._certified)]

    def _give_up(self, opening: Opening, now_ms: int) -> list[Effect]:
        result = self._result(opening, RoundStatus.LOST, Why.SHARES_LOST, None, now_ms)
        return [Store(result), RoundClosed(result, self._certified)]

    def _close(self, opening: Opening, total: Lanes, now_ms: int) -> list[Effect]:
        draft, rules = opening.draft, self._desk.parameters
        outcome = judge(total, opening.included, draft.missing, rules.members_min)
        result = self._result(opening, outcome.status, outcome.why, outcome.lanes, now_ms)
        return [Store(result), RoundClosed(result, self._certified)]

    def _result(self, opening: Opening, status: RoundStatus, why: Why, lanes: Lanes | None, now_ms: int) -> RoundResult:
        draft, schedule = opening.draft, self._desk.parameters.schedule
        import_dwh, export_dwh, contributors = lanes or (None, None, None)
        present = len(opening.included) if lanes is not None or status is RoundStatus.PENDING else 0
        return RoundResult(
            network=self._desk.network,
            region=self._desk.parameters.region,
            round=opening.number,
            start_ms=schedule.start(RoundNumber(opening.number - 1)),
            status=status,
            why=why,
            members=draft.members,
            present=present,
            missing=draft.members - present,
            away=draft.away,
            attempts=draft.attempts,
            import_dwh=import_dwh,
            export_dwh=export_dwh,
            contributors=contributors,
            duration_ms=max(now_ms - schedule.start(opening.number), 0),
        )

    @property
    def _certified(self) -> int:
        return self._desk.trust.revocations.valid_in(self._desk.parameters.region)

    def _note_pending(self) -> None:
        waiting = (opening for opening in self._all.values() if not opening.is_open)
        self._desk.pending = frozenset[ClientId]().union(*(opening.sealed for opening in waiting))
