import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.home import HomeError
from broker.tls import WrongBrokerError, client_context
from common.certificates import Role, Subject
from tests.credentials import LOCAL, Administrator, days

GATEWAY = Subject(Role.GATEWAY, "gateway", "north")


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path)


def shake_hands(client: ssl.SSLContext, server: Path, host: str = "127.0.0.1") -> None:
    """Between two ends in memory, until both are content; the client's check of the broker's role comes after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server / "certificate.pem", server / "identity.key")
    context.load_verify_locations(server / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname=host),
        context.wrap_bio(there, back, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ends[0].version() == ends[1].version() == "TLSv1.3"


def test_gateway_and_broker_of_one_authority_shake_hands(administrator: Administrator) -> None:
    context = client_context(administrator.gateway("gateway"))
    shake_hands(context, administrator.broker())
    assert (context.name, context.complaint, context.failure) == ("gateway", "", "")


def test_nothing_older_than_tls_1_3_is_spoken(administrator: Administrator) -> None:
    context = client_context(administrator.gateway("gateway"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_only_the_administrator_is_trusted(administrator: Administrator) -> None:
    trusted = client_context(administrator.gateway("gateway")).get_ca_certs(binary_form=True)
    assert trusted == [administrator.issuer.der]


def test_broker_of_another_administrator_with_the_same_name_is_refused(
    administrator: Administrator, tmp_path: Path
) -> None:
    impostor = Administrator(tmp_path / "impostor").broker()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client_context(administrator.gateway("gateway")), impostor)


def test_broker_for_another_host_is_refused(administrator: Administrator) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(client_context(administrator.gateway("gateway")), administrator.broker(), "127.0.0.2")


def test_whoever_has_no_certificate_of_a_broker_is_refused_as_one(administrator: Administrator) -> None:
    context = client_context(administrator.gateway("gateway"))
    for other in (administrator.gateway("another"), administrator.provider(), administrator.inspector()):
        with pytest.raises(WrongBrokerError, match=r"no broker: its certificate is for dcnet:"):
            context.check_broker(administrator.certificate(other).der)
    context.check_broker(administrator.certificate(administrator.broker()).der)


@pytest.mark.parametrize("list_is_too_old", [False, True])
def test_revoked_broker_is_refused_by_an_old_list_too(administrator: Administrator, list_is_too_old: bool) -> None:
    gateway, broker = administrator.gateway("gateway"), administrator.broker()
    administrator.revoke(broker)
    administrator.write_list(gateway, days(-3, -1) if list_is_too_old else None)
    with pytest.raises(WrongBrokerError, match="revoked"):
        client_context(gateway).check_broker(administrator.certificate(broker).der)


def test_list_that_is_too_old_locks_nobody_out_but_is_said(administrator: Administrator) -> None:
    gateway = administrator.gateway("gateway")
    administrator.write_list(gateway, days(-3, -1))
    context = client_context(gateway)
    shake_hands(context, administrator.broker())
    context.check_broker(administrator.certificate(administrator.broker()).der)
    assert "revocations.pem was good until" in context.complaint


def test_missing_list_is_said(administrator: Administrator) -> None:
    gateway = administrator.gateway("gateway")
    (gateway / "revocations.pem").unlink()
    assert "revocations.pem is missing or damaged" in client_context(gateway).complaint


def remove(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def damage(name: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / name).write_bytes(b"-----BEGIN NOTHING-----\n")

    return write


def let_others_read_the_key(directory: Path) -> None:
    (directory / "identity.key").chmod(0o640)


def exchange_the_key(directory: Path) -> None:
    other = Administrator(directory / "other").gateway("gateway")
    (directory / "identity.key").write_bytes((other / "identity.key").read_bytes())


def exchange_the_certificate(directory: Path) -> None:
    other = Administrator(directory / "other").gateway("gateway")
    (directory / "certificate.pem").write_bytes((other / "certificate.pem").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (remove("identity.key"), r"identity\.key"),
        (remove("certificate.pem"), r"certificate\.pem"),
        (remove("authority.pem"), r"authority\.pem"),
        (damage("identity.key"), r"identity\.key is no private key that can be used"),
        (damage("certificate.pem"), r"certificate\.pem is damaged"),
        (damage("authority.pem"), r"authority\.pem is damaged"),
        (let_others_read_the_key, r"Others may use .*identity\.key \(mode 0640\). Run:  chmod 600"),
        (exchange_the_key, r"identity\.key is no private key that can be used, or not the one for which"),
        (exchange_the_certificate, r"certificate\.pem is damaged, or not of the administrator"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    administrator: Administrator, spoil: Callable[[Path], None], sentence: str
) -> None:
    directory = administrator.gateway("gateway")
    spoil(directory)
    with pytest.raises(HomeError, match=sentence):
        client_context(directory)


def test_renewed_certificate_is_used_by_the_next_connection(administrator: Administrator) -> None:
    gateway = administrator.gateway("gateway")
    administrator.issue(gateway, GATEWAY, term=days(-3, -1))
    with pytest.raises(ssl.SSLError):
        shake_hands(client_context(gateway), administrator.broker())
    administrator.issue(gateway, GATEWAY)
    shake_hands(client_context(gateway), administrator.broker(), LOCAL[1])
    assert client_context(gateway).name == "gateway"
