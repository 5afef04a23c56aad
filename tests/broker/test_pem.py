import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.pem import CERTIFICATE, REVOCATIONS, Bundle, from_pem, one_of, to_pem

PARTS = st.binary(min_size=1, max_size=200)


@given(der=st.binary(max_size=300))
def test_a_block_gives_back_what_went_in(der: bytes) -> None:
    assert from_pem(to_pem(CERTIFICATE, der)) == [(CERTIFICATE, der)]


@given(bundle=st.builds(Bundle, PARTS, PARTS, PARTS, st.none() | PARTS))
def test_a_bundle_gives_back_what_went_in(bundle: Bundle) -> None:
    assert Bundle.decode(bundle.encode()) == bundle


def test_text_around_blocks_and_foreign_line_ends_do_no_harm() -> None:
    text = b"for gateway-1\r\n" + to_pem(CERTIFICATE, b"abc").replace(b"\n", b"\r\n") + b"\r\ndone\r\n"
    assert from_pem(text) == [(CERTIFICATE, b"abc")]


def test_a_damaged_block_is_refused() -> None:
    with pytest.raises(ValueError, match="a block of its PEM text is damaged"):
        from_pem(to_pem(CERTIFICATE, b"abc").replace(b"YWJj", b"YWJ!"))


def test_a_block_without_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="has no end"):
        from_pem(to_pem(CERTIFICATE, b"abc")[:-10])


def test_one_block_is_read_from_pem_and_from_der() -> None:
    der = b"\x30\x03abc"
    assert one_of(REVOCATIONS, to_pem(REVOCATIONS, der)) == one_of(REVOCATIONS, der) == der


@pytest.mark.parametrize("octets", [b"", b"nonsense", to_pem(CERTIFICATE, b"\x30"), to_pem(REVOCATIONS, b"\x30") * 2])
def test_another_number_or_kind_of_blocks_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="does not hold one block BEGIN X509 CRL"):
        one_of(REVOCATIONS, octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        to_pem(CERTIFICATE, b"1") * 2,
        to_pem(CERTIFICATE, b"1") * 3,
        Bundle(b"1", b"2", b"3", b"4").encode() + to_pem(CERTIFICATE, b"5"),
        Bundle(b"1", b"2", b"3", b"4").encode() + to_pem("PRIVATE KEY", b"5"),
    ],
)
def test_what_is_no_bundle_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="is no bundle of the administrator"):
        Bundle.decode(octets)
