"""Evidence with real keys: what contradicts itself is proven, and what was forged, swapped or is harmless is not."""

from pathlib import Path

import pytest

from broker.credentials import fingerprint
from broker.gwa.issuing import Issuer, Request, issue_certificate, make_authority
from broker.home import make_home
from broker.keyfile import load_or_make_identity
from broker.pem import CERTIFICATE as CERTIFICATE_LABEL
from broker.pem import to_pem
from common.certificates import Authority, Role, Subject
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber
from common.payloads import Correction, RoundFinal, Superposition
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import HARDENED
from launcher.evidence.document import Document
from launcher.evidence.judging import judge
from smgw.core.events import Evidence, Membership, Offense
from smgw.vault import Vault
from tests.launcher.commands import dcnet, gateway_settings
from tests.launcher.papers import CERTIFICATE, GATEWAY, ISSUER, NOW_MS, TERM

NETWORK, ROUND, VIEW = NetworkId(7), RoundNumber(50), b"12345678"
PROVIDER = Identity(Secret(bytes([2]) * 32))
PROVIDER_CERTIFICATE = issue_certificate(
    ISSUER, Request(Subject(Role.PROVIDER, "provider"), PROVIDER.public_key), 2, TERM
)
AUTHORITY = Authority(ISSUER.der)
STRANGER = Identity(Secret(bytes([3]) * 32))
FOREIGN_ISSUER = Issuer(STRANGER, make_authority(STRANGER, "somebody else", NOW_MS, 1))


def pem(der: bytes) -> str:
    return to_pem(CERTIFICATE_LABEL, der).decode()


def clients(*numbers: int) -> ClientSet:
    return ClientSet.of(map(ClientId, numbers))


def said(notification: Notification, data: bytes, network: int = NETWORK, signer: Identity = PROVIDER) -> bytes:
    return Frame(NetworkId(network), EVERYONE, NOW_MS, notification, data).signed(signer, Direction.DOWN)


def final(
    *included: int,
    number: int = ROUND,
    void_from: int | None = None,
    network: int = NETWORK,
    signer: Identity = PROVIDER,
) -> bytes:
    round_, first = RoundNumber(number), RoundNumber(number if void_from is None else void_from)
    order = RoundFinal(HARDENED.code, round_, VIEW, first, 1, bytes(32), clients(*included), clients(1, 2), ())
    return said(Notification.FINAL, order.encode(), network, signer)


def correction(
    *missing: int, attempt: int = 1, number: int = ROUND, view: bytes = VIEW, network: int = NETWORK
) -> bytes:
    order = Correction(HARDENED.code, RoundNumber(number), view, attempt, clients(*missing))
    return said(Notification.CORRECTION, order.encode(), network)


def own(client: int = 5, number: int = ROUND, view: bytes = VIEW, signer: Identity = GATEWAY) -> bytes:
    data = Superposition(HARDENED.code, RoundNumber(number), view, bytes(50)).encode()
    frame = Frame(NETWORK, ClientId(client), NOW_MS, Notification.SUPERPOSITION, data, transmission_bit=True)
    return frame.signed(signer, Direction.UP)


def document(offense: Offense, first: bytes, second: bytes, **changed: object) -> Document:
    fields = {
        "offense": offense.name,
        "network": NETWORK,
        "round": ROUND,
        "noted_ms": NOW_MS,
        "first": first.hex(),
        "second": second.hex(),
        "provider": pem(PROVIDER_CERTIFICATE),
        "authority": pem(ISSUER.der),
        "gateway": pem(CERTIFICATE),
    }
    return Document.model_validate(fields | changed)


PROVEN = {
    "two finals of one round": (Offense.TWO_FINALS, final(1, 2, 3), final(1, 2)),
    "a final of a round that another has voided": (Offense.TWO_FINALS, final(number=52, void_from=49), final(1, 2)),
    "a final that voids a round that another closed": (
        Offense.TWO_FINALS,
        final(1, 2, number=49),
        final(number=50, void_from=48),
    ),
    "two lists of one attempt": (Offense.TWO_CORRECTIONS, correction(3), correction(4)),
    "a list that shrinks": (Offense.TWO_CORRECTIONS, correction(3, 4), correction(3, attempt=2)),
    "a list that shrinks, told backward": (Offense.TWO_CORRECTIONS, correction(3, attempt=3), correction(4, attempt=2)),
    "named and included": (Offense.NAMED_AND_INCLUDED, correction(3), final(1, 2, 3)),
}


@pytest.mark.parametrize("case", PROVEN.values(), ids=PROVEN.keys())
def test_two_orders_that_contradict_each_other_are_proven(case: tuple[Offense, bytes, bytes]) -> None:
    verdict = judge(document(*case), AUTHORITY)
    assert (verdict.holds, verdict.text.startswith("Proven: the provider 'provider' ")) == (True, True), verdict


@pytest.mark.parametrize(
    ("first", "second", "closed"),
    [
        (final(1, 2, 3), final(1, 2), "round 50 of network 7: one with 3 and one with 2 members in the sum."),
        (
            final(number=52, void_from=49),
            final(1, 2),
            "round 50 of network 7: its own, with 2 members in the sum, and that of round 52, which voids it.",
        ),
        (
            final(1, 2, number=49),
            final(number=50, void_from=49),
            "round 49 of network 7: its own, with 2 members in the sum, and that of round 50, which voids it.",
        ),
    ],
    ids=["the same round", "voided by the first", "voided by the second"],
)
def test_the_round_that_two_finals_both_close_is_named(first: bytes, second: bytes, closed: str) -> None:
    verdict = judge(document(Offense.TWO_FINALS, first, second), AUTHORITY)
    assert verdict.holds
    assert f"two different FINALs that close {closed}" in verdict.text


HARMLESS = {
    "the same final twice": (Offense.TWO_FINALS, final(1, 2), final(1, 2), "the same FINAL"),
    "finals of two rounds": (Offense.TWO_FINALS, final(1, 2, number=49), final(1, 2), "close different rounds"),
    "a final that voids only what follows another": (
        Offense.TWO_FINALS,
        final(1, 2, number=48),
        final(number=50, void_from=49),
        "close different rounds",
    ),
    "a list that grows": (Offense.TWO_CORRECTIONS, correction(3), correction(3, 4, attempt=2), "do not contradict"),
    "the same list twice": (Offense.TWO_CORRECTIONS, correction(3), correction(3), "do not contradict"),
    "lists of two rounds": (Offense.TWO_CORRECTIONS, correction(3, number=49), correction(4), "different rounds"),
    "lists in two chains": (Offense.TWO_CORRECTIONS, correction(3, view=bytes(8)), correction(4), "different FINALs"),
    "named and not included": (Offense.NAMED_AND_INCLUDED, correction(3), final(1, 2), "includes nobody whom"),
    "named in another round": (Offense.NAMED_AND_INCLUDED, correction(3, number=49), final(3), "different rounds"),
    "named in another chain": (Offense.NAMED_AND_INCLUDED, correction(3, view=bytes(8)), final(3), "different FINALs"),
    "the order of the frames swapped": (
        Offense.NAMED_AND_INCLUDED,
        final(3),
        correction(3),
        "is FINAL where CORRECTION",
    ),
    "finals said to be lists": (Offense.TWO_CORRECTIONS, final(1), final(1, 2), "is FINAL where CORRECTION"),
    "left out, and included": (Offense.LEFT_OUT, own(), final(1, 5), "the FINAL includes client 5"),
    "left out of a lost round": (Offense.LEFT_OUT, own(), final(), "the round was lost for all"),
    "left out of another round": (Offense.LEFT_OUT, own(number=49), final(1), "of another round"),
    "left out in another chain": (Offense.LEFT_OUT, own(view=bytes(8)), final(1), "continues another FINAL"),
}


@pytest.mark.parametrize("case", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_pair_proves_nothing(case: tuple[Offense, bytes, bytes, str]) -> None:
    offense, first, second, why = case
    verdict = judge(document(offense, first, second), AUTHORITY)
    assert (verdict.holds, why in verdict.text) == (False, True), verdict


def broken(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 1])


FORGED = {
    "the first signature does not hold": (Offense.TWO_FINALS, broken(final(1)), final(2), "the first frame is not"),
    "the second signature does not hold": (Offense.TWO_FINALS, final(1), broken(final(2)), "the second frame is not"),
    "somebody else signed": (Offense.TWO_FINALS, final(1), final(2, signer=STRANGER), "not signed by dcnet:provider"),
    "a gateway signed a final": (Offense.TWO_FINALS, final(1), final(2, signer=GATEWAY), "the second frame is not"),
    "the own frame is another's": (Offense.LEFT_OUT, own(signer=STRANGER), final(1), "not signed by dcnet:gateway"),
    "no frame at all": (Offense.TWO_FINALS, b"\1", final(2), "the first frame cannot be read"),
}


@pytest.mark.parametrize("case", FORGED.values(), ids=FORGED.keys())
def test_a_forged_frame_proves_nothing(case: tuple[Offense, bytes, bytes, str]) -> None:
    offense, first, second, why = case
    verdict = judge(document(offense, first, second), AUTHORITY)
    assert (verdict.holds, why in verdict.text) == (False, True), verdict


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"network": 8}, "not both of the network"),
        ({"round": 51}, "of another round than the file says"),
        ({"provider": pem(CERTIFICATE)}, "that should be the provider's is for dcnet:gateway/north/gw-1"),
        ({"provider": pem(FOREIGN_ISSUER.der)}, "not one of this administrator"),
        ({"provider": "nonsense"}, "not one of this administrator"),
    ],
)
def test_a_file_that_names_something_else_proves_nothing(changed: dict[str, object], why: str) -> None:
    case = document(Offense.TWO_FINALS, final(1), final(2), **changed)
    verdict = judge(case, AUTHORITY)
    assert (verdict.holds, why in verdict.text) == (False, True), verdict


def test_frames_of_two_networks_prove_nothing() -> None:
    verdict = judge(document(Offense.TWO_FINALS, final(1, network=8), final(2)), AUTHORITY)
    assert "not both of the network" in verdict.text
    assert not verdict.holds


def test_another_administrator_proves_nothing() -> None:
    verdict = judge(document(Offense.TWO_FINALS, final(1), final(2)), Authority(FOREIGN_ISSUER.der))
    assert "the provider's certificate is not one of this administrator" in verdict.text
    assert not verdict.holds


def test_being_left_out_proves_only_what_the_gateway_signed() -> None:
    verdict = judge(document(Offense.LEFT_OUT, own(), final(1, 2)), AUTHORITY)
    assert verdict.holds
    assert "not that it left the house in time, or that it arrived" in verdict.text
    assert not verdict.text.startswith("Proven")


def enrolled(root: Path) -> Path:
    """The settings of a gateway with a vault that holds a proof and a complaint."""
    config, home = gateway_settings(root, "gw-1"), root / "gw-1"
    make_home(home)
    identity = load_or_make_identity(home / "identity.key")
    subject = Subject(Role.GATEWAY, "gw-1", "north")
    (home / "certificate.pem").write_text(
        pem(issue_certificate(ISSUER, Request(subject, identity.public_key), 5, TERM))
    )
    (home / "provider.pem").write_text(pem(PROVIDER_CERTIFICATE))
    (home / "authority.pem").write_text(pem(ISSUER.der))
    proof = Evidence(NOW_MS, ROUND, Offense.TWO_FINALS, final(1, 2), final(1))
    complaint = Evidence(NOW_MS, ROUND, Offense.LEFT_OUT, own(signer=identity), final(1))
    with Vault(home, 100) as vault:
        vault.apply([Membership(NETWORK, ClientId(5)), proof, complaint])
    return config


def test_the_owner_reads_what_is_kept_and_hands_it_to_somebody_who_checks_it(tmp_path: Path) -> None:
    config = enrolled(tmp_path)
    told = dcnet("smgw", "evidence", "--config", config, "--out", tmp_path / "out")
    assert told.status == 0, told.err
    assert "network 7, round 50: the provider signed two different FINALs for this round" in told.out
    assert "once it left this gateway out although it had sent, which may be an accident" in told.out
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["evidence-1-two-finals.json", "evidence-2-left-out.json"]
    authority = tmp_path / "gw-1" / "authority.pem"
    for path, says in zip(files, ("Proven: the provider", "The signatures hold: the gateway 'gw-1'"), strict=True):
        judged = dcnet("inspect", "--evidence", path, "--ca", authority)
        assert (judged.status, says in judged.out) == (0, True), judged
        assert f"{fingerprint(ISSUER.der)}, from {authority}" in judged.out


def test_an_exported_proof_holds_no_more_than_it_needs(tmp_path: Path) -> None:
    config = enrolled(tmp_path)
    dcnet("smgw", "evidence", "--config", config, "--out", tmp_path / "out")
    proof = Document.model_validate_json((tmp_path / "out" / "evidence-1-two-finals.json").read_bytes())
    assert proof.gateway is None
    assert (proof.first, proof.second) == (final(1, 2).hex(), final(1).hex())
    everything = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "PRIVATE" not in everything


def test_the_authority_in_the_file_is_said_to_be_from_there(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_text(document(Offense.TWO_FINALS, final(1), final(2)).model_dump_json())
    judged = dcnet("inspect", "--evidence", path)
    assert judged.status == 0, judged.err
    assert f"{fingerprint(ISSUER.der)}, from the file itself: compare this fingerprint" in judged.out


def test_a_file_that_proves_nothing_ends_with_status_1(tmp_path: Path) -> None:
    path, other = tmp_path / "proof.json", tmp_path / "other.pem"
    path.write_text(document(Offense.TWO_FINALS, final(1), final(2)).model_dump_json())
    other.write_text(pem(FOREIGN_ISSUER.der))
    judged = dcnet("inspect", "--evidence", path, "--ca", other, "--json")
    assert judged.status == 1
    assert '"holds": false' in judged.out


@pytest.mark.parametrize("text", ["", "{}", '{"format": "dcnet evidence 2"}', "x" * 1_000_001])
def test_what_is_no_evidence_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(text)
    judged = dcnet("inspect", "--evidence", path)
    assert (judged.status, str(path) in judged.err) == (2, True)


def test_a_gateway_without_complaints_says_so(tmp_path: Path) -> None:
    config, home = gateway_settings(tmp_path, "gw-1"), tmp_path / "gw-1"
    make_home(home)
    load_or_make_identity(home / "identity.key")
    with Vault(home, 100):
        pass
    told = dcnet("smgw", "evidence", "--config", config)
    assert (told.status, told.out) == (0, "Nothing is kept: this gateway has no complaint about its provider.\n")
