"""Whom a gateway believes to be who: introductions in handshakes, evidence of departures, the list of revoked ones.

Nothing here rests on what the provider says: certificates and lists are the administrator's, frames their signers'.
Source: docs/protocol.md, "Certificates", "Key agreement", "Draw".
"""

from typing import Final, final

from common.agreement import Introduction
from common.certificates import Certificate, RevocationList, Role, require_good
from common.clients import ClientSet
from common.frames import Notification, decode
from common.payloads import require_empty
from common.refusal import Refusal, RefusedError
from common.roster import Leaf
from common.schedule import DAY_MS
from common.signing import Direction
from common.tunnels import Departure, End
from smgw.core.events import Edge, Effect, KnownRevocations, Level, Notice, Store
from smgw.core.situation import MemberRules, Situation

RENEWAL_MS: Final = 30 * DAY_MS
"""So long before its certificate expires the owner is told."""

LAPSED_MS: Final = 30 * DAY_MS
"""So long after a neighbor's certificate has expired its seed is kept."""


def newest_list(rules: MemberRules, stored: bytes) -> RevocationList:
    """The newer of the list in the home directory and of the one in the vault (DER, or empty).

    One in the vault that is of another administrator counts for nothing: the owner has changed whom it trusts.
    """
    try:
        known = rules.authority.revocations(stored)
    except RefusedError:
        return rules.revocations
    return max(rules.revocations, known, key=lambda each: each.number)


@final
class Trust:
    """The part of the member machine that knows the administrator."""

    def __init__(self, situation: Situation) -> None:
        """The gateway's own certificate must be its administrator's.

        Raises:
            RefusedError: it is not.
        """
        self._situation: Final = situation
        self.own: Final = situation.rules.authority.certificate(situation.rules.certificate)
        self._warned_ms: int | None = None

    def renew(self, der: bytes) -> list[Effect]:
        """Take a list of revoked certificates, from the bus or from the home directory. An equal one changes nothing.

        Nor does an older one that revokes the same: with each certificate the administrator signs a list, so one that
        came with the gateway's own is often newer than the provider's.

        Raises:
            RefusedError: BAD_CERTIFICATE, when it is not the administrator's; REPEATED, when it is an older one, and
                lacks what was revoked since.
        """
        situation = self._situation
        known, offered = situation.revocations, situation.rules.authority.revocations(der)
        if offered.number < known.number and offered.serials != known.serials:
            raise RefusedError(Refusal.REPEATED)
        if offered.number <= known.number:
            return []
        situation.revocations = offered
        self._warned_ms = None
        return [Store(KnownRevocations(offered.number, offered.der))]

    def require_fresh_list(self, now_ms: int) -> None:
        """See that the list can be relied upon.

        Raises:
            RefusedError: REVOCATIONS_EXPIRED.
        """
        if now_ms > self._situation.revocations.next_update_ms:
            raise RefusedError(Refusal.REVOCATIONS_EXPIRED)

    def require_introduced(self, leaf: Leaf, introduction: Introduction, now_ms: int) -> Certificate:
        """See that the other end of a tunnel is a gateway of this region, with the key of its leaf, in good standing.

        Raises:
            RefusedError: BAD_CERTIFICATE, WRONG_SUBJECT, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED, REVOCATIONS_EXPIRED.
        """
        rules = self._situation.rules
        certificate = rules.authority.certificate(introduction.certificate)
        subject = certificate.subject
        if (subject.role, subject.region) != (Role.GATEWAY, rules.region) or certificate.public_key != leaf.public_key:
            raise RefusedError(Refusal.WRONG_SUBJECT)
        require_good(certificate, self._situation.revocations, now_ms)
        return certificate

    def require_departed(self, departure: Departure, now_ms: int) -> None:
        """See that a member has left: its own word, or the administrator's that its certificate is revoked.

        That a certificate has expired shows nothing, since the member may have another; nor does a revoked one of
        somebody who has shown a good one.

        Raises:
            RefusedError: the evidence does not show it.
        """
        leaf = departure.member.leaf
        if departure.end is End.EXIT:
            self._require_exit(leaf, departure.evidence)
            return
        certificate = self._situation.rules.authority.certificate(departure.evidence)
        if certificate.public_key != leaf.public_key:
            raise RefusedError(Refusal.WRONG_SUBJECT)
        is_revoked = certificate.serial in self._situation.revocations.serials
        if not is_revoked or any(self._is_good(edge, now_ms) for edge in self._situation.edges_with(leaf.client)):
            raise RefusedError(Refusal.UNEXPECTED)

    def _require_exit(self, leaf: Leaf, evidence: bytes) -> None:
        signed, membership = decode(evidence), self._situation.membership
        frame = signed.frame
        is_theirs = membership is not None and (frame.network, frame.client) == (membership.network, leaf.client)
        if frame.notification is not Notification.EXIT or not is_theirs:
            raise RefusedError(Refusal.UNEXPECTED)
        require_empty(frame.data)
        signed.require_signature(leaf.public_key, Direction.UP)

    def is_revoked(self, edge: Edge) -> bool:
        """Whether the certificate under which this edge was made is revoked."""
        return edge.peer_serial in self._situation.revocations.serials

    def _is_good(self, edge: Edge, now_ms: int) -> bool:
        return not self.is_revoked(edge) and now_ms <= edge.peer_until_ms

    def erase_lapsed(self, now_ms: int) -> list[Effect]:
        """Erase edges with neighbors whose certificates are revoked or long expired, or who came back as somebody else.

        That is done once a FINAL does not expect the neighbor any more: a correction of an open round needs the masks.
        A certificate that has just expired may have been renewed, which nobody but the provider hears: without the
        seeds, the neighbor's next round would fail for everybody around it.
        """
        situation, final = self._situation, self._situation.final
        effects: list[Effect] = []
        expected = final.expected if final is not None else ClientSet()
        idle = [edge for edge in situation.edges.values() if final is not None and edge.peer not in expected]
        for edge in idle:
            is_lapsed = now_ms > edge.peer_until_ms + LAPSED_MS
            if is_lapsed or self.is_revoked(edge) or situation.is_superseded(edge.peer):
                effects += situation.erase(edge.tunnel)
        return effects

    def watch(self, now_ms: int) -> list[Effect]:
        """Tell the owner once a day what the administrator has to renew."""
        if self._warned_ms is not None and abs(now_ms - self._warned_ms) < DAY_MS:
            return []
        own, revocations = self.own, self._situation.revocations
        texts: list[Effect] = []
        if own.serial in revocations.serials:
            text = "This gateway's certificate is revoked: no network admits it. The gateway administrator knows why."
            texts.append(Notice(Level.FATAL, text))
        elif now_ms > own.not_after_ms:
            text = "This gateway's certificate has expired. Ask the gateway administrator to renew it."
            texts.append(Notice(Level.FATAL, text))
        elif now_ms > own.not_after_ms - RENEWAL_MS:
            days = (own.not_after_ms - now_ms) // DAY_MS
            text = f"This gateway's certificate expires in {days} days. Ask the gateway administrator to renew it."
            texts.append(Notice(Level.WARNING, text))
        if now_ms > revocations.next_update_ms:
            text = (
                f"The list of revoked certificates, no. {revocations.number}, is too old. No new neighbors are admitted"
                " before the provider or the gateway administrator hands out a newer one."
            )
            texts.append(Notice(Level.CRITICAL, text))
        self._warned_ms = now_ms if texts else self._warned_ms
        return texts
