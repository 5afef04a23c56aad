"""TLS as a client of the broker speaks it: version 1.3, one authority, and a certificate on either side.

    context = client_context(directory)        for each connection anew, so that renewed files are used

The broker's certificate has to name the host, and has to be a broker's: every gateway holds a certificate of the same
authority, and must not pass for the broker. Revocation is looked up here and not by OpenSSL, which refuses everybody
once the list is too old. A gateway gets its next list over this very connection, so it goes by the old list instead,
and says so (`ClientContext.complaint`). Source: RFC 8446; docs/protocol.md, "Certificates".
"""

import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from broker.credentials import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    REVOCATIONS_FILE,
    load_authority,
    present_list,
    stored,
    utc,
)
from broker.home import HomeError, require_private
from broker.pem import CERTIFICATE
from common.certificates import Authority, Role
from common.refusal import RefusedError

_REFUSED: Final = {
    "SSLV3_ALERT_CERTIFICATE_REVOKED": (
        "it is revoked. The administrator knows why; another one is issued for a new key only: move the old home "
        "directory away, and enroll"
    ),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": (
        "it has expired, by the broker's clock; or the broker's list of revoked certificates is too old, which the "
        "provider has to replace"
    ),
    "SSLV3_ALERT_BAD_CERTIFICATE": "it is not valid yet, by the broker's clock; is the clock right there?",
    "TLSV1_ALERT_UNKNOWN_CA": "it is of another administrator than the broker's",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it got none",
}
"""Why a broker ends a connection, by the alert that it sends (RFC 8446, section 6.2; names of OpenSSL)."""

_NO_TLS: Final = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS; is the port right?",
    "TLSV1_ALERT_PROTOCOL_VERSION": "what answers there does not speak TLS 1.3",
    "UNSUPPORTED_PROTOCOL": "what answers there does not speak TLS 1.3",
}

_UNVERIFIED: Final = {
    9: "is not valid yet; is the clock here right?",
    10: "has expired, and the provider has to renew it; or the clock here is wrong",
    62: "is not for the host of the settings; is `host` right?",
    64: "is not for the address of the settings; is `host` right?",
}
"""What is wrong with the broker's certificate, by OpenSSL's number (X509_V_ERR_...)."""

_ANOTHER_AUTHORITY: Final = frozenset({18, 19, 20, 21})


class WrongBrokerError(OSError):
    """The other end is authenticated, but is no broker, or a revoked one. The text says so."""


class ClientContext(ssl.SSLContext):
    """Settings of one connection, made by `client_context`, and afterwards why it failed.

    Attributes:
        name: The common name of the certificate: the user name and client identifier that the broker goes by.
        complaint: What is not right with the files although they can be used; empty if nothing.
        failure: Why TLS refused the other end or was refused; empty as long as neither happened.
    """

    authority: Authority
    revoked: frozenset[int]
    name: str
    complaint: str
    failure: str

    def __new__(cls) -> Self:
        """Make one that speaks TLS 1.3 or newer, and trusts nobody yet."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.sslsocket_class = _BrokerSocket
        context.failure = ""
        return context

    def check_broker(self, der: bytes | None) -> None:
        """See that the certificate at the other end, which OpenSSL has verified, is a broker's and not revoked.

        Raises:
            WrongBrokerError: It is not.
        """
        try:
            found = self.authority.certificate(der or b"")
        except RefusedError as error:
            raise WrongBrokerError(f"the broker's certificate is refused: {error.reason.sentence}") from error
        if found.subject.role is not Role.BROKER:
            raise WrongBrokerError(f"what answers there is no broker: its certificate is for {found.subject.uri}")
        if found.serial in self.revoked:
            raise WrongBrokerError("the broker's certificate is revoked; the provider needs another")


class _BrokerSocket(ssl.SSLSocket):
    """A socket that checks the broker before anything is sent, and keeps the reason of a failure, which paho drops."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands and check the other end; after a failure the socket is closed."""
        try:
            super().do_handshake(block)
            _context(self).check_broker(self.getpeercert(binary_form=True))
        except OSError as error:
            _context(self).failure = explain(error)
            self.close()
            raise

    def send(self, *arguments: Any) -> int:  # noqa: ANN401
        """Send. To a broker that has hung up already this fails before anybody reads why."""
        try:
            return super().send(*arguments)
        except (ConnectionError, ssl.SSLEOFError):
            with suppress(OSError):
                self.recv(1)
            raise

    def recv(self, *arguments: Any) -> bytes:  # noqa: ANN401
        """Receive. With TLS 1.3 the broker says only here that it refuses our certificate."""
        try:
            return super().recv(*arguments)
        except ssl.SSLError as error:
            if error.reason in _REFUSED:
                _context(self).failure = explain(error)
            raise


def client_context(directory: Path) -> ClientContext:
    """Read the credentials in `directory`: `identity.key`, and the administrator's files.

    Raises:
        HomeError: A file is missing or damaged, they do not belong together, or others may read the key.
    """
    authority = load_authority(directory)
    context = ClientContext()
    context.authority = authority
    context.load_verify_locations(cadata=authority.der)
    try:
        own = authority.certificate(stored(directory / CERTIFICATE_FILE, CERTIFICATE))
    except RefusedError as error:
        raise HomeError(
            f"{directory / CERTIFICATE_FILE} is damaged, or not of the administrator in {directory / AUTHORITY_FILE}. "
            "Install the administrator's bundle again."
        ) from error
    context.name = own.subject.name
    _load_pair(context, directory)
    now_ms = time.time_ns() // 1_000_000
    revocations = present_list(directory, authority)
    context.revoked = revocations.serials if revocations else frozenset()
    context.complaint = ""
    if revocations is None or now_ms > revocations.next_update_ms:
        age = f"was good until {utc(revocations.next_update_ms)}" if revocations else "is missing or damaged"
        context.complaint = (
            f"the list of revoked certificates {directory / REVOCATIONS_FILE} {age}, so a broker revoked since is not "
            "noticed. The provider hands out newer ones; if none comes, ask the administrator"
        )
    return context


def own_context(directory: Path) -> ClientContext:
    """Read the broker's credentials, for a connection to itself.

    It listens at an address that need not be among the hosts in its certificate.

    Raises:
        HomeError: As `client_context`.
    """
    context = client_context(directory)
    context.check_hostname = False
    return context


def explain(error: OSError) -> str:
    """Say in a person's words why a TLS connection failed."""
    if isinstance(error, WrongBrokerError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate {_unverified(error)}"
    if isinstance(error, ssl.SSLError) and error.reason in _REFUSED:
        return f"the broker refuses our certificate: {_REFUSED[error.reason]}"
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return _NO_TLS[error.reason]
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return "the connection broke off in the TLS handshake; is it a broker, and is the port right?"


def _unverified(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _ANOTHER_AUTHORITY:
        return f"is not of the administrator in {AUTHORITY_FILE}: somebody else answers there"
    return _UNVERIFIED.get(error.verify_code, f"is refused: {error.verify_message}")


def _load_pair(context: ssl.SSLContext, directory: Path) -> None:
    """Load certificate and key. The empty passphrase keeps OpenSSL from asking for one on the terminal."""
    key, certificate = directory / KEY_FILE, directory / CERTIFICATE_FILE
    require_private(key)
    try:
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise HomeError(
            f"{key} is no private key that can be used, or not the one for which {certificate} was issued. Restore it "
            "from a backup, or move both away, enroll and have a new certificate issued."
        ) from error


def _context(connected: ssl.SSLSocket) -> ClientContext:
    context = connected.context
    assert isinstance(context, ClientContext)
    return context
