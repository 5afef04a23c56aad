"""Whether two signed frames really contradict each other: who signed them, under which authority, and by which rule.

Everything that the judgment rests on is in the two frames and three certificates; whoever has made the file is not
believed. Whether a certificate was revoked is not looked at: an old signature stays one. Source: docs/protocol.md,
"Evidence".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from broker.pem import CERTIFICATE, one_of
from common.certificates import Authority, Certificate, Role
from common.clients import ClientSet
from common.frames import Notification, SignedFrame, decode
from common.payloads import Correction, RoundFinal, Superposition, view_of
from common.refusal import RefusedError
from common.signing import Direction
from launcher.evidence.document import Document

T = TypeVar("T")


class NoEvidenceError(Exception):
    """The file proves nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`holds` tells whether the file shows what it claims; `text` is a sentence."""

    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """Two frames whose signatures hold, in one network. `gateway` signed the first one, if it is given."""

    first: SignedFrame
    second: SignedFrame
    provider: Certificate
    gateway: Certificate | None

    @property
    def who(self) -> str:
        """The provider, for a sentence."""
        return f"the provider {self.provider.subject.name!r}"


def judge(document: Document, authority: Authority) -> Verdict:
    """Judge a file under the authority that the judge trusts."""
    try:
        case = open_case(document, authority)
        return Verdict(True, f"{_RULES[document.offense](case)}.")
    except NoEvidenceError as error:
        return Verdict(False, f"This proves nothing: {error}.")


def open_case(document: Document, authority: Authority) -> Case:
    """Check certificates and signatures, and that the frames are of the network and round which the file names.

    Raises:
        NoEvidenceError: They are not.
    """
    is_own = document.offense == "LEFT_OUT"
    provider = _certificate(document.provider, authority, Role.PROVIDER)
    gateway = _certificate(document.gateway or "", authority, Role.GATEWAY) if is_own else None
    first = _frame("first", document.first, gateway or provider, Direction.UP if is_own else Direction.DOWN)
    second = _frame("second", document.second, provider, Direction.DOWN)
    case = Case(first, second, provider, gateway)
    if {first.frame.network, second.frame.network} != {document.network}:
        raise NoEvidenceError("the frames are not both of the network that the file names")
    if _round_of(second) != document.round:
        raise NoEvidenceError("the second frame is of another round than the file says")
    return case


def _certificate(pem: str, authority: Authority, role: Role) -> Certificate:
    try:
        certificate = authority.certificate(one_of(CERTIFICATE, pem.encode()))
    except (ValueError, RefusedError) as error:
        raise NoEvidenceError(f"the {role.value}'s certificate is not one of this administrator") from error
    if certificate.subject.role is not role:
        raise NoEvidenceError(f"the certificate that should be the {role.value}'s is for {certificate.subject.uri}")
    return certificate


def _frame(which: str, octets: str, signer: Certificate, direction: Direction) -> SignedFrame:
    try:
        signed = decode(bytes.fromhex(octets))
    except RefusedError as error:
        raise NoEvidenceError(f"the {which} frame cannot be read: {error}") from error
    if not signed.is_signed_by(signer.public_key, direction):
        raise NoEvidenceError(f"the {which} frame is not signed by {signer.subject.uri}")
    return signed


def _round_of(signed: SignedFrame) -> int:
    return _correction(signed).round if signed.frame.notification is Notification.CORRECTION else _final(signed).round


def _final(signed: SignedFrame) -> RoundFinal:
    return _decoded(signed, Notification.FINAL, RoundFinal.decode)


def _correction(signed: SignedFrame) -> Correction:
    return _decoded(signed, Notification.CORRECTION, Correction.decode)


def _decoded(signed: SignedFrame, wanted: Notification, read: Callable[[bytes], T]) -> T:
    found = signed.frame.notification
    if found is not wanted:
        raise NoEvidenceError(f"a frame is {found.name} where {wanted.name} is needed")
    try:
        return read(signed.frame.data)
    except RefusedError as error:
        raise NoEvidenceError(f"the data of a frame does not decode ({wanted.name})") from error


def _two_finals(case: Case) -> str:
    first, second = _final(case.first), _final(case.second)
    if view_of(case.first.raw) == view_of(case.second.raw):
        raise NoEvidenceError("both frames are the same FINAL")
    earlier, later = sorted((first, second), key=lambda each: each.round)
    if earlier.round == later.round:
        what = f"one with {len(first.included)} and one with {len(second.included)} members in the sum"
    elif later.void_from <= earlier.round:
        own = f"its own, with {len(earlier.included)} members in the sum"
        what = f"{own}, and that of round {later.round}, which voids it"
    else:
        raise NoEvidenceError("the two FINALs close different rounds")
    return (
        f"Proven: {case.who} signed two different FINALs that close round {earlier.round} of network"
        f" {case.second.frame.network}: {what}. Each round has one FINAL"
    )


def _two_corrections(case: Case) -> str:
    first, second = _correction(case.first), _correction(case.second)
    if (first.suite, first.round, first.view) != (second.suite, second.round, second.view):
        raise NoEvidenceError("the two lists are of different rounds, or continue different FINALs")
    earlier, later = sorted((first, second), key=lambda each: each.attempt)
    if earlier.attempt == later.attempt:
        is_contradiction = earlier.missing != later.missing
        what = f"two different lists of the missing for attempt {later.attempt}"
    else:
        is_contradiction = not earlier.missing <= later.missing
        gone = _clients(earlier.missing - later.missing)
        what = f"a list of the missing for attempt {later.attempt} without {gone}, whom the one before names"
    if not is_contradiction:
        raise NoEvidenceError("the two lists do not contradict each other")
    return (
        f"Proven: {case.who} signed, for round {later.round} of network {case.second.frame.network}, {what}."
        " Lists only grow, and each attempt has one"
    )


def _named_and_included(case: Case) -> str:
    named, final = _correction(case.first), _final(case.second)
    if (named.round, named.view) != (final.round, final.view):
        raise NoEvidenceError(
            "the list of the missing and the FINAL are of different rounds, or continue different FINALs"
        )
    both = named.missing & final.included
    if not both:
        raise NoEvidenceError("the FINAL includes nobody whom the list names")
    return (
        f"Proven: {case.who} called {_clients(both)} missing in round {final.round} of network"
        f" {case.second.frame.network}, and then signed a FINAL of it that includes the same. Whoever was called"
        " missing is in no sum"
    )


def _left_out(case: Case) -> str:
    sent, final = _decoded(case.first, Notification.SUPERPOSITION, Superposition.decode), _final(case.second)
    client, gateway = case.first.frame.client, case.gateway
    assert gateway is not None, "its certificate was checked"
    if (sent.round, sent.view) != (final.round, final.view):
        raise NoEvidenceError("the gateway's frame is of another round than the FINAL, or continues another FINAL")
    if client in final.included:
        raise NoEvidenceError(f"the FINAL includes client {client}")
    if not final.included:
        raise NoEvidenceError("the FINAL includes nobody, so the round was lost for all")
    return (
        f"The signatures hold: the gateway {gateway.subject.name!r} signed a frame as client {client} for round"
        f" {final.round}, and {case.who} a FINAL without that client. This proves what the gateway signed, not that it"
        " left the house in time, or that it arrived"
    )


def _clients(clients: ClientSet) -> str:
    return f"client{'s' * (len(clients) != 1)} {', '.join(map(str, clients))}"


_RULES: Final[Mapping[str, Callable[[Case], str]]] = {
    "TWO_FINALS": _two_finals,
    "TWO_CORRECTIONS": _two_corrections,
    "NAMED_AND_INCLUDED": _named_and_included,
    "LEFT_OUT": _left_out,
}
