"""What suite `hardened` sends, taken apart to the last field."""

import pytest

from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import Hold, Release, Superposition
from common.refusal import RefusedError
from common.sealing import Bits, Sealing
from common.suites import BASIC, HARDENED, Cover
from launcher.decoding import data_fields
from launcher.fields import Field
from launcher.suite_fields import MASKED

NUMBER, VIEW = RoundNumber(9), b"12345678"
SEALING = Sealing(2, Bits.of([True, False, True, True]), (0xABC,))
HOLDERS = "places, counted from 0 in ascending order, of the sender's neighbors under its first frame"


def fields_of(notification: Notification, data: bytes) -> list[Field]:
    return data_fields(Frame(NetworkId(7), EVERYONE, 0, notification, data))


def superposition(told: bytes, suite: int = HARDENED.code) -> bytes:
    masks = {TunnelId(1): (1, 2, 3), TunnelId(2): (0, 0, 0)}
    return Superposition(suite, NUMBER, VIEW, HARDENED.conceal((0, 0, 0), masks, Cover(told=told))).encode()


def test_a_hardened_superposition_shows_who_opens_its_self_mask() -> None:
    shown = fields_of(Notification.SUPERPOSITION, superposition(SEALING.encode()))
    assert shown[:7] == [
        Field("suite", 2, note="hardened"),
        Field("round", 9),
        Field("view", VIEW.hex(), note="names the FINAL before"),
        Field("import_lane", 1, "0.1 Wh", MASKED),
        Field("export_lane", 2, "0.1 Wh", MASKED),
        Field("contributors_lane", 3, note=MASKED),
        Field("attempt", 0, note="corrections answered"),
    ]
    assert shown[7] == Field("masks", 2, note="that cover the lanes, beside the self-mask")
    assert shown[9:] == [
        Field("needed", 2, note="shares of its 3 holders open the self-mask"),
        Field("holders", [0, 2, 3], note=HOLDERS),
        Field("corrections", [f"{0xABC:032x}"], note="public, one for each holder after the first of them"),
    ]


def test_a_basic_superposition_has_no_self_mask() -> None:
    data = Superposition(BASIC.code, NUMBER, VIEW, BASIC.conceal((0, 0, 0), {})).encode()
    names = [field.name for field in fields_of(Notification.SUPERPOSITION, data)]
    assert names[-3:] == ["attempt", "masks", "edges"]


def test_a_suite_that_nobody_knows_is_shown_as_it_is() -> None:
    shown = fields_of(Notification.SUPERPOSITION, superposition(b"\7", suite=9))
    assert (shown[0].note, shown[-1].name) == ("not known to this program", "body")
    assert str(shown[-1].value).endswith("07")


def test_a_release_shows_whose_shares_it_gives() -> None:
    data = Release(HARDENED.code, NUMBER, VIEW, Bits.of([False, True, True]), (5, 2**126)).encode()
    assert fields_of(Notification.RELEASE, data) == [
        Field("suite", 2, note="hardened"),
        Field("round", 9),
        Field("view", VIEW.hex(), note="names the FINAL of this round"),
        Field("members", [1, 2], note=f"{HOLDERS}, whose shares these are"),
        Field(
            "shares",
            [f"{5:032x}", f"{2**126:032x}"],
            note="one for each of them; enough of a member's shares open its self-mask",
        ),
    ]


def test_a_hold_shows_who_counts_on_the_addressee() -> None:
    (clients,) = fields_of(Notification.HOLD, Hold((ClientId(3), ClientId(300))).encode())
    assert clients == Field("clients", [3, 300], note="count on the addressee for a share of their self-masks")


@pytest.mark.parametrize(
    ("notification", "data"),
    [
        (Notification.SUPERPOSITION, superposition(b"")),
        (Notification.SUPERPOSITION, superposition(SEALING.encode() + b"\0")),
        (Notification.RELEASE, bytes(20)),
        (Notification.HOLD, b"\0\1\0"),
    ],
)
def test_what_does_not_fit_is_refused(notification: Notification, data: bytes) -> None:
    with pytest.raises(RefusedError, match="its data does not decode"):
        fields_of(notification, data)
