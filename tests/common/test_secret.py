"""A secret shows nothing of itself, whichever way it is asked."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.agreement import Introduction
from common.draws import Opening
from common.identifiers import NetworkId, RoundNumber
from common.masks import Seed
from common.secret import Secret
from common.suites import Cover, EdgePad
from tests.common.strategies import moderate

VALUE = b"correct-horse-battery-staple-32b"
SECRET = Secret(VALUE)


def _shows(text: str) -> bool:
    return any(form in text for form in (VALUE.decode(), VALUE.hex(), str(list(VALUE)), "horse"))


@pytest.mark.parametrize(
    "written",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET!s}",
        f"{SECRET!a}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031
        "{}".format(SECRET),  # noqa: UP032
        str([SECRET]),
        str({"key": SECRET}),
        repr(Seed(3, SECRET)),
    ],
)
def test_no_form_of_writing_shows_it(written: str) -> None:
    assert not _shows(written)
    assert "Secret(32 bytes)" in written


@pytest.mark.parametrize("holder", [Opening(3, 0, VALUE, ()), Introduction(b"", opening=VALUE)])
def test_what_opens_a_draw_shows_no_draw_value(holder: object) -> None:
    assert not _shows(repr(holder))
    assert repr(VALUE)[2:-1] not in repr(holder)
    assert type(holder).__name__ in repr(holder)


@pytest.mark.parametrize(
    "leak",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        hash,
        bytes,
        int,
        len,
        iter,
        vars,
        lambda secret: pickle.dumps(Seed(3, secret)),
        lambda secret: asdict(Seed(3, secret)),
        lambda secret: hash(Seed(3, secret)),
        lambda secret: secret + b"",
        lambda secret: b"" + secret,
        lambda secret: f"{secret:x}",
        lambda secret: secret < secret,  # noqa: PLR0124
    ],
)
def test_every_other_way_out_is_an_error_that_shows_nothing(leak: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        leak(SECRET)
    assert not _shows("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_protocol_takes_it(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(SECRET, protocol)


def test_an_exception_that_carries_it_shows_nothing() -> None:
    def fail(secret: Secret) -> None:
        raise ValueError("no good", secret)

    with pytest.raises(ValueError, match="no good") as caught:
        fail(SECRET)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "Secret(32 bytes)" in "".join(told.format())
    assert not _shows("".join(line for line in told.format() if "VALUE" not in line))


def test_a_log_that_carries_it_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("seed %s %r", SECRET, Seed(3, SECRET))
    assert "Secret(32 bytes)" in caplog.text
    assert not _shows(caplog.text)


@moderate
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_secrets_are_equal_as_their_bytes_are(one: bytes, other: bytes) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one).reveal() == one


def test_a_secret_equals_no_bytes() -> None:
    assert VALUE != SECRET
    assert SECRET != VALUE


def test_a_secret_keeps_its_own_copy() -> None:
    source = bytearray(VALUE)
    secret = Secret(source)  # type: ignore[arg-type]
    source[:] = bytes(32)
    assert secret.reveal() == VALUE


def test_pads_and_covers_show_no_mask_and_no_share() -> None:
    pad = Seed(0, Secret(bytes(32))).pad(NetworkId(7), RoundNumber(5), bytes(8))
    shown = [repr(pad), repr(EdgePad(pad.mask, pad.low, pad.high)), repr(Cover(pad.mask))]
    hidden = [str(number) for number in (*pad.mask, pad.low, pad.high)]
    assert not any(number in text for number in hidden for text in shown)
