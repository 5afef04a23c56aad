"""The slots of a gateway: which neighbors it draws, and when another takes the place of one.

Nobody may make a gateway draw again, or he could go on until he likes the outcome. So a slot ends only when it is
proven that its neighbor left, when the roster has doubled, or on a small budget for the life of the certificate.
Source: docs/protocol.md, "Draw".
"""

import random
from collections import Counter
from typing import Final, final

from common.draws import VALUES, counter_limit
from common.frames import SignedFrame
from common.identifiers import EVERYONE, ClientId
from common.refusal import Refusal, RefusedError
from common.roster import RosterRoot
from common.tunnels import Departure, MemberProof
from smgw.core.events import Effect, Level, Notice, Replaced, Slot, SlotEnded, Store, VaultContents
from smgw.core.quorum import quorum_of
from smgw.core.situation import KnownFinal, Situation
from smgw.core.trust import Trust

SILENT_FINALS: Final = 4
"""A drawn neighbor that so many FINALs in a row do not expect may be replaced in an emergency."""

BUDGET_PART: Final = 4
"""One slot in so many may be replaced during the life of a certificate."""


@final
class Draws:
    """The part of the member machine that draws neighbors."""

    def __init__(self, situation: Situation, trust: Trust, contents: VaultContents, entropy: random.Random) -> None:
        """`entropy` picks among the draw values that were never used; it must be strong outside of simulations."""
        self._situation: Final = situation
        self._trust: Final = trust
        self._entropy: Final = entropy
        self._used: Final = set(contents.used)
        self._spent = sum(replaced.serial == trust.own.serial for replaced in contents.replaced)
        self._silent: Counter[int] = Counter()
        self._is_cut_off = False
        self._is_used_up = False
        situation.slots = {slot.number: slot for slot in contents.slots}

    def refresh(self) -> list[Effect]:
        """Draw what is to be drawn: all slots at first and when the roster has doubled, else those that have ended."""
        situation, roster = self._situation, self._situation.roster
        if roster is None or roster.at.is_mesh or not situation.may_draw:
            return []
        drawn_from = max((slot.whole_leaves for slot in situation.slots.values()), default=0)
        if roster.at.leaves >= 2 * drawn_from:
            return self._draw_all(roster.at)
        effects: list[Effect] = []
        for slot in [slot for slot in situation.slots.values() if self._has_ended(slot)]:
            effects += self._fall_again(slot)
        return effects

    def _draw_all(self, at: RosterRoot) -> list[Effect]:
        parameters = self._situation.parameters
        assert parameters is not None
        count = min(parameters.draws, self._situation.others)
        fresh = self._fresh(count)
        if len(fresh) < count:
            return self._use_up()
        effects: list[Effect] = [Store(SlotEnded(number)) for number in self._situation.slots]
        self._situation.slots.clear()
        self._silent.clear()
        for number in fresh:
            effects += self._fall(number, at, 0, at.leaves)
        return effects

    def _has_ended(self, slot: Slot) -> bool:
        edges = self._situation.edges_with(slot.client)
        return slot.client in self._situation.departed or any(
            self._trust.is_revoked(edge) and self._situation.is_with_member(edge) for edge in edges
        )

    def _fall_again(self, slot: Slot) -> list[Effect]:
        """What was never opened falls on in the same roster; an opened one is never drawn again."""
        if slot.is_opened:
            return self._replace(slot)
        return self._fall(slot.number, slot.at, slot.counter + 1, slot.whole_leaves)

    def _replace(self, slot: Slot) -> list[Effect]:
        """Let a draw value that was never used take the place of this slot, in the roster in force."""
        roster, fresh = self._situation.roster, self._fresh(1)
        assert roster is not None
        if not fresh:
            return self._use_up()
        del self._situation.slots[slot.number], self._silent[slot.number]
        return [Store(SlotEnded(slot.number)), *self._fall(fresh[0], roster.at, 0, slot.whole_leaves)]

    def _fresh(self, count: int) -> list[int]:
        """So many slots that were never used, at random; none when there are too few."""
        free = [number for number in range(VALUES) if number not in self._used]
        return self._entropy.sample(free, count) if len(free) >= count else []

    def _use_up(self) -> list[Effect]:
        if self._is_used_up:
            return []
        self._is_used_up = True
        text = f"This gateway has used its {VALUES} draw values. It draws no other neighbors before it has a new key."
        return [Notice(Level.CRITICAL, text)]

    def _fall(self, number: int, at: RosterRoot, counter: int, whole_leaves: int) -> list[Effect]:
        """See to whom a slot falls, from this counter on; give it up when hardly anybody is left to fall to."""
        situation, parameters = self._situation, self._situation.parameters
        assert parameters is not None
        others = {slot.client for slot in situation.slots.values() if slot.number != number}
        taken = {situation.client, *situation.departed, *situation.leaves.superseded(at.leaves), *others}
        client, notices = EVERYONE, list[Effect]()
        for tried in range(counter, counter_limit(at.leaves, at.live, at.slots(parameters.draws)) + 1):
            counter = tried
            leaf = situation.rules.values.drawn(number, counter, at.root, at.leaves)
            if ClientId(leaf + 1) not in taken:
                client = ClientId(leaf + 1)
                break
        else:
            text = (
                f"One of this gateway's draws fell to nobody: the roster of epoch {at.epoch} says that {at.live} of its"
                f" {at.leaves} members are left, and there are fewer. Tell the gateway administrator."
            )
            notices.append(Notice(Level.CRITICAL, text))
        situation.slots[number] = slot = Slot(number, at, counter, client, whole_leaves)
        self._used.add(number)
        return [Store(slot), *notices]

    def open(self, peer: MemberProof) -> tuple[bytes, list[Effect]]:
        """The opening of the slot that drew this member, to be stored as opened before it is shown.

        Raises:
            RefusedError: UNEXPECTED, when no slot has drawn it any more.
        """
        for slot in self._situation.slots.values():
            if (slot.client, slot.at) == (peer.leaf.client, peer.at):
                opened = Slot(slot.number, slot.at, slot.counter, slot.client, slot.whole_leaves, is_opened=True)
                self._situation.slots[slot.number] = opened
                opening = self._situation.rules.values.open(slot.number, slot.counter).encode()
                return opening, ([] if slot.is_opened else [Store(opened)])
        raise RefusedError(Refusal.UNEXPECTED)

    def depart(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider says, and has to prove, that a drawn member has left.

        Raises:
            RefusedError: it does not; then the slot stays as it is.
        """
        situation, departure = self._situation, Departure.decode(signed.frame.data)
        member = departure.member
        member.require()
        client, roster = member.leaf.client, situation.roster
        is_mesh = roster is not None and roster.at.is_mesh
        is_drawn = is_mesh or any(slot.client == client for slot in situation.slots.values())
        if client == situation.client or not is_drawn or situation.leaf_of(client) != member.leaf:
            raise RefusedError(Refusal.BAD_DRAW)
        self._trust.require_departed(departure, now_ms)
        effects: list[Effect] = [*situation.depart(client)]
        for edge in situation.edges_with(client):
            effects += situation.erase(edge.tunnel) if edge.peer_key == member.leaf.public_key else []
        return [*effects, *self.refresh()]

    def note_final(self, known: KnownFinal) -> list[Effect]:
        """In an emergency, give up a slot whose neighbor is gone without a word, as long as the budget lasts."""
        situation, slots = self._situation, self._situation.slots
        if not known.expected:
            return []  # there are no rounds: nobody's silence means anything
        for slot in slots.values():
            self._silent[slot.number] = 0 if slot.client in known.expected else self._silent[slot.number] + 1
        if not situation.may_draw or self._are_enough(known):
            self._is_cut_off = False
            return []
        silent = [slot for slot in slots.values() if self._silent[slot.number] >= SILENT_FINALS]
        if not silent:
            return []
        allowed = len(slots) // BUDGET_PART
        if self._spent >= allowed:
            return self._cut_off(known)
        given_up = max(silent, key=lambda slot: (self._silent[slot.number], -slot.number))
        effects = self._replace(given_up)
        if given_up.number in slots:
            return effects
        self._spent += 1
        text = (
            f"Client {given_up.client}, which this gateway drew, was not expected in {SILENT_FINALS} rounds; it draws"
            f" another. Its certificate allows {allowed} such replacements, and this is no. {self._spent}."
        )
        return [Store(Replaced(self._trust.own.serial, given_up.number)), *effects, Notice(Level.WARNING, text)]

    def _are_enough(self, known: KnownFinal) -> bool:
        """Whether those expected are enough for a round, and in suite `hardened` for a self-mask."""
        peers, quorum = self._situation.started_edges(known.expected), quorum_of(self._situation)
        is_quorate = not self._situation.rules.suite.has_release or (quorum is not None and quorum.is_met(peers))
        return is_quorate and len(peers) >= self._situation.masks_min

    def _cut_off(self, known: KnownFinal) -> list[Effect]:
        if self._is_cut_off:
            return []
        self._is_cut_off = True
        slots = self._situation.slots.values()
        missing = sum(slot.client not in known.expected for slot in slots)
        text = (
            f"The provider has cut this gateway off from {missing} of the {len(slots)} neighbors that it drew. It draws"
            " no others: whoever could make it draw again could choose for it."
        )
        return [Notice(Level.CRITICAL, text)]
