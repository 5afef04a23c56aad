"""What a provider may lie about, and how gateways answer. `liar` tells the lies.

Source: docs/protocol.md, "Roster", "Draw", "Key agreement".
"""

from enum import Enum
from typing import Final

from common.refusal import Refusal


class Lie(Enum):
    """One kind of lie."""

    CHOICE = "choice"
    """It opens tunnels to neighbors of its own choice."""
    OMISSION = "omission"
    """It leaves most of those who register out of the roster."""
    SHRINKING = "shrinking"
    """It takes members out of the roster."""
    TWO_ROSTERS = "two-rosters"
    """It shows two rosters of one epoch."""
    OTHER_LEAF = "other-leaf"
    """It puts its own key into a member's leaf."""
    SURROUNDING = "surrounding"
    """It fills the roster with gateways of its own, which hold no certificate of the administrator."""
    IMPERSONATION = "impersonation"
    """As before, and they show the certificates of real ones, from whom they relay."""
    SWAPPED_ENDS = "swapped-ends"
    """It tells each end of a tunnel that it is the other one."""
    CROSSED_TUNNELS = "crossed-tunnels"
    """It forwards to somebody else what belongs into a tunnel."""
    MIDDLE = "middle"
    """It puts its own ephemeral keys into a handshake."""
    FORGED_EXIT = "forged-exit"
    """It says that drawn members have left, with an EXIT that it signed itself."""
    FALSE_DEPARTURE = "false-departure"
    """It says that drawn members are gone, with a certificate that holds."""
    REPLAY = "replay"
    """It repeats orders."""
    WEAKER_RULES = "weaker-rules"
    """It states rules that are weaker than those of the owners."""
    REASSIGNMENT = "reassignment"
    """It assigns another client identifier to a member, which would have to draw again."""
    CUT_OFF = "cut-off"
    """It is deaf for the neighbors of one gateway, so that this one may draw again."""
    FALSE_CORRECTION = "false-correction"
    """It calls members missing whose frames it has. Suite basic does not hide their readings then."""
    INVENTED_MISSING = "invented-missing"
    """It calls some or most members missing while their frames arrive, one list for all."""
    TWO_CORRECTIONS = "two-corrections"
    """It calls others missing to each gateway, in lists that shrink."""
    LATE_CORRECTION = "late-correction"
    """It corrects rounds that are closed."""
    TWO_FINALS = "two-finals"
    """It ends a round for each gateway in another way."""
    NAMED_AND_INCLUDED = "named-and-included"
    """It calls a member missing to some of its holders, and asks the others for their shares of it."""
    KEPT_FINAL = "kept-final"
    """It keeps a FINAL, sends it late, or to some only."""
    VOID_SPAN = "void-span"
    """It voids rounds that it has closed."""
    FALSE_HOLD = "false-hold"
    """It says that anybody counts on anybody."""
    KEPT_RELEASES = "kept-releases"
    """It loses shares. Only its own sums suffer."""
    MALICE = "malice"
    """All of these about rounds, in turn."""

    @property
    def is_about_rounds(self) -> bool:
        """Whether only suite `hardened` withstands it."""
        return self in ABOUT_ROUNDS

    @property
    def is_unseen(self) -> bool:
        """Whether gateways cannot see it, and need not."""
        return self in {Lie.FALSE_HOLD, Lie.KEPT_RELEASES}

    @property
    def needs_draws(self) -> bool:
        """Whether only a network that has outgrown the mesh gives occasion for it."""
        return self is Lie.CUT_OFF

    @property
    def is_mended(self) -> bool:
        """Whether all is well again once the provider is honest. A roster that was accepted is kept to for ever."""
        return self not in _FOR_EVER

    @property
    def answers(self) -> frozenset[Refusal]:
        """With which refusals gateways answer it."""
        return _ANSWERS[self]

    @property
    def words(self) -> str:
        """A part of the sentence that tells an owner of it; empty when it is only counted."""
        return _WORDS.get(self, "")


ABOUT_ROUNDS: Final = (
    Lie.INVENTED_MISSING,
    Lie.TWO_CORRECTIONS,
    Lie.LATE_CORRECTION,
    Lie.TWO_FINALS,
    Lie.NAMED_AND_INCLUDED,
    Lie.KEPT_FINAL,
    Lie.VOID_SPAN,
    Lie.FALSE_HOLD,
    Lie.KEPT_RELEASES,
    Lie.MALICE,
)
"""What suite `hardened` withstands and suite `basic` does not."""

_FOR_EVER: Final = frozenset(
    {Lie.SHRINKING, Lie.TWO_ROSTERS, Lie.OTHER_LEAF, Lie.WEAKER_RULES, Lie.SURROUNDING, Lie.IMPERSONATION}
)

_ANSWERS: Final = {
    Lie.CHOICE: frozenset({Refusal.BAD_DRAW}),
    Lie.OMISSION: frozenset(),
    Lie.SHRINKING: frozenset({Refusal.ROSTER_SHRINKS}),
    Lie.TWO_ROSTERS: frozenset({Refusal.TWO_ROSTERS}),
    Lie.OTHER_LEAF: frozenset({Refusal.BAD_DRAW, Refusal.ROSTER_SHRINKS, Refusal.TWO_ROSTERS}),
    Lie.SURROUNDING: frozenset({Refusal.BAD_CERTIFICATE}),
    Lie.IMPERSONATION: frozenset({Refusal.WRONG_SUBJECT}),
    Lie.SWAPPED_ENDS: frozenset({Refusal.BAD_DRAW}),
    Lie.CROSSED_TUNNELS: frozenset({Refusal.TUNNEL_CLOSED}),
    Lie.MIDDLE: frozenset({Refusal.BAD_SIGNATURE}),
    Lie.FORGED_EXIT: frozenset({Refusal.BAD_SIGNATURE}),
    Lie.FALSE_DEPARTURE: frozenset({Refusal.BAD_SIGNATURE, Refusal.BAD_DRAW, Refusal.UNEXPECTED}),
    Lie.REPLAY: frozenset({Refusal.REPEATED, Refusal.STALE, Refusal.TUNNEL_CLOSED}),
    Lie.WEAKER_RULES: frozenset({Refusal.WEAKER_RULES}),
    Lie.REASSIGNMENT: frozenset({Refusal.UNEXPECTED}),
    Lie.CUT_OFF: frozenset({Refusal.TOO_FEW_DRAWN, Refusal.TOO_FEW_MASKS}),
    Lie.FALSE_CORRECTION: frozenset({Refusal.NAMES_ITSELF}),
    Lie.INVENTED_MISSING: frozenset({Refusal.NAMES_ITSELF, Refusal.TOO_FEW_DRAWN}),
    Lie.TWO_CORRECTIONS: frozenset({Refusal.CONTRADICTION, Refusal.LIST_SHRINKS, Refusal.NAMES_ITSELF}),
    Lie.LATE_CORRECTION: frozenset({Refusal.ROUND_CLOSED, Refusal.WRONG_ROUND}),
    Lie.TWO_FINALS: frozenset({Refusal.CONTRADICTION}),
    Lie.NAMED_AND_INCLUDED: frozenset({Refusal.CONTRADICTION, Refusal.NAMES_ITSELF}),
    Lie.KEPT_FINAL: frozenset({Refusal.NO_FINAL}),
    Lie.VOID_SPAN: frozenset({Refusal.CONTRADICTION}),
    Lie.FALSE_HOLD: frozenset(),
    Lie.KEPT_RELEASES: frozenset(),
    Lie.MALICE: frozenset({Refusal.CONTRADICTION, Refusal.NAMES_ITSELF, Refusal.ROUND_CLOSED, Refusal.NO_FINAL}),
}

_WORDS: Final = {
    Lie.CHOICE: "a neighbor of its own choice",
    Lie.OMISSION: "draws no neighbors before it holds half",
    Lie.SHRINKING: "members were left out or exchanged",
    Lie.TWO_ROSTERS: "two different rosters",
    Lie.OTHER_LEAF: "another key or other draw values",
    Lie.SURROUNDING: "its certificate is not one of the gateway administrator's",
    Lie.IMPERSONATION: "its certificate is for another name, region, role or key",
    Lie.SWAPPED_ENDS: "a neighbor of its own choice",
    Lie.WEAKER_RULES: "It does not take part",
    Lie.CUT_OFF: "has cut this gateway off",
    Lie.FALSE_CORRECTION: "although it sent",
    Lie.TWO_CORRECTIONS: "two lists of the missing",
    Lie.TWO_FINALS: "two different FINALs",
    Lie.NAMED_AND_INCLUDED: "and then put them into its sum",
    Lie.VOID_SPAN: "two different FINALs",
}
"""What is not here is refused without a sentence: nothing comes of it, and a hostile network can do the same."""
