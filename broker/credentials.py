"""The credentials that a party keeps in its home directory: its key, its certificate, and what it checks others with.

Nothing is used that was not checked: who issued it, whom it is for, from when to when, and whether it is revoked.
How they get there is in `broker.enrollment`. Source: docs/protocol.md, "Certificates"; docs/deployment.md.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.home import HomeError, explained, require_private, write_file
from broker.keyfile import load_identity, load_key
from broker.pem import CERTIFICATE, REVOCATIONS, Bundle, one_of, to_pem
from broker.tlskey import BrokerKey
from common.certificates import Authority, Certificate, RevocationList, Role, require_good
from common.refusal import Refusal, RefusedError
from common.signing import Identity

KEY_FILE: Final = "identity.key"
REQUEST_FILE: Final = "request.pem"
CERTIFICATE_FILE: Final = "certificate.pem"
AUTHORITY_FILE: Final = "authority.pem"
REVOCATIONS_FILE: Final = "revocations.pem"
PROVIDER_FILE: Final = "provider.pem"

_COMMANDS: Final = {
    Role.GATEWAY: "dcnet smgw {} --config FILE",
    Role.PROVIDER: "dcnet provider {} --config FILE",
    Role.BROKER: "dcnet broker {} --config FILE",
    Role.INSPECTOR: "dcnet inspector {} DIR",
}
_OBEYS_PROVIDER: Final = frozenset({Role.GATEWAY, Role.INSPECTOR})
_NEEDS_FRESH_LIST: Final = frozenset({Role.PROVIDER, Role.BROKER})
"""A gateway with a list that is too old still starts, because the newer one reaches it over the bus."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a party knows itself and others by. Everything was checked when it was loaded.

    Attributes:
        directory: Where the files are.
        key: The one key pair, for TLS and for frames; a broker's is for TLS alone.
        certificate: That of `key`.
        authority: The administrator, under whom all others are checked.
        revocations: The newest list known.
        provider: The provider's certificate, for gateways and the inspector.
    """

    directory: Path
    key: Identity | BrokerKey
    certificate: Certificate
    authority: Authority
    revocations: RevocationList
    provider: Certificate | None

    @property
    def identity(self) -> Identity:
        """The key pair of a party that signs frames."""
        assert isinstance(self.key, Identity), "a broker signs no frames"
        return self.key


def load_credentials(directory: Path, role: Role, now_ms: int) -> Credentials:
    """Read and check the credentials of a party that starts. Whether name and region are its own, the caller compares.

    A provider or broker does not start with a list of revoked certificates that is too old.

    Args:
        directory: The party's home directory; a broker's is `broker` in its provider's.
        role: What the party is.
        now_ms: Unix milliseconds.

    Raises:
        HomeError: Something is missing, damaged, for somebody else, expired or revoked, or others may read the key.
    """
    key = load_enrolled_key(directory, role)
    parts = Bundle(
        _installed(directory / CERTIFICATE_FILE, CERTIFICATE, role),
        _installed(directory / AUTHORITY_FILE, CERTIFICATE, role),
        _installed(directory / REVOCATIONS_FILE, REVOCATIONS, role),
        _installed(directory / PROVIDER_FILE, CERTIFICATE, role) if role in _OBEYS_PROVIDER else None,
    )
    credentials = read_parts(directory, key, parts, str(directory))
    check_credentials(credentials, role, now_ms, str(directory))
    if role in _NEEDS_FRESH_LIST:
        require_fresh_list(credentials, now_ms, str(directory))
    return credentials


def replace_revocations(directory: Path, octets: bytes) -> RevocationList:
    """Take a newer list of revoked certificates, in PEM or DER; the same again changes nothing.

    Returns:
        The list that was given, which now is the one in the directory.

    Raises:
        HomeError: It is damaged, another authority's, or older than the one that is there.
    """
    path = directory / REVOCATIONS_FILE
    authority = load_authority(directory)
    try:
        offered = authority.revocations(one_of(REVOCATIONS, octets))
    except (ValueError, RefusedError) as error:
        raise HomeError(
            f"That is no list of revoked certificates of the administrator in {directory / AUTHORITY_FILE}, or it is "
            f"damaged. Copy {REVOCATIONS_FILE} again from the administrator."
        ) from error
    present = present_list(directory, authority)
    if present is not None and present.der == offered.der:
        return offered
    if present is not None and offered.number <= present.number:
        raise HomeError(
            f"That list is no. {offered.number}, and {path} is no. {present.number} already. Copy the newest "
            f"{REVOCATIONS_FILE} from the administrator; if that is it, have another one signed (dcnet gwa renew)."
        )
    write_file(path, to_pem(REVOCATIONS, offered.der))
    return offered


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, 64 hexadecimal digits."""
    return hashlib.sha256(der).hexdigest()


def utc(unix_ms: int) -> str:
    """A moment as a person reads it, to the minute."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def load_enrolled_identity(directory: Path, role: Role) -> Identity:
    """The identity that enrolling made, of anybody but a broker.

    Raises:
        HomeError: There is none, it cannot be used, or others may read it.
    """
    return load_identity(_enrolled(directory, role))


def load_enrolled_key(directory: Path, role: Role) -> Identity | BrokerKey:
    """The key that enrolling made, of whichever kind.

    Raises:
        HomeError: There is none, it cannot be used, or others may read it.
    """
    return load_key(_enrolled(directory, role))


def _enrolled(directory: Path, role: Role) -> Path:
    path = directory / KEY_FILE
    if not path.exists():
        raise HomeError(f"{path} is missing. Run:  {_command(role, 'enroll', directory)}")
    require_private(directory)
    return path


def load_authority(directory: Path) -> Authority:
    """The administrator whom this party trusts.

    Raises:
        HomeError: Its certificate cannot be used.
    """
    return _authority(stored(directory / AUTHORITY_FILE, CERTIFICATE), str(directory))


def present_list(directory: Path, authority: Authority) -> RevocationList | None:
    """The list that is there; one that is damaged is as good as none, since only a signed one takes its place.

    Raises:
        HomeError: It cannot be read.
    """
    path = directory / REVOCATIONS_FILE
    if not path.exists():
        return None
    with explained(path):
        octets = path.read_bytes()
    try:
        return authority.revocations(one_of(REVOCATIONS, octets))
    except (ValueError, RefusedError):
        return None


def stored(path: Path, label: str) -> bytes:
    """The DER of a file with one PEM block.

    Raises:
        HomeError: It cannot be read, or holds something else.
    """
    with explained(path):
        octets = path.read_bytes()
    try:
        return one_of(label, octets)
    except ValueError as error:
        raise HomeError(f"{path} is damaged: {error}. Install the administrator's bundle again.") from error


def read_parts(directory: Path, key: Identity | BrokerKey, parts: Bundle, source: str) -> Credentials:
    """Read the parts of a bundle or directory (`source`), and check who issued them.

    Raises:
        HomeError: One is damaged, or of another authority.
    """
    authority = _authority(parts.authority, source)
    try:
        certificate = authority.certificate(parts.certificate)
        provider = authority.certificate(parts.provider) if parts.provider else None
    except RefusedError as error:
        raise _foreign("A certificate", source) from error
    try:
        revocations = authority.revocations(parts.revocations)
    except RefusedError as error:
        raise _foreign("The list of revoked certificates", source) from error
    return Credentials(directory, key, certificate, authority, revocations, provider)


def check_credentials(credentials: Credentials, role: Role, now_ms: int, source: str) -> None:
    """See that the credentials are this party's, and good now; how old the list is, `require_fresh_list` looks.

    Raises:
        HomeError: They are not.
    """
    certificate = credentials.certificate
    if certificate.subject.role is not role:
        raise HomeError(
            f"The certificate in {source} is for {certificate.subject.uri}, and here one for role {role.value} is "
            f"needed. Run:  {_command(role, 'install', credentials.directory)} BUNDLE"
        )
    if certificate.public_key != credentials.key.public_key:
        raise HomeError(
            f"The certificate in {source} is for another key than {credentials.directory / KEY_FILE}. Install the "
            f"bundle that was issued for {credentials.directory / REQUEST_FILE}."
        )
    _require_good(certificate, credentials.revocations, now_ms, source)
    if role in _OBEYS_PROVIDER:
        provider = credentials.provider
        if provider is None or provider.subject.role is not Role.PROVIDER:
            raise HomeError(
                f"The provider's certificate is missing in {source}. Ask the administrator for a new bundle."
            )
        _require_good(provider, credentials.revocations, now_ms, source)


def require_fresh_list(credentials: Credentials, now_ms: int, source: str) -> None:
    """See that the list of revoked certificates is not too old.

    Raises:
        HomeError: It is.
    """
    end_ms = credentials.revocations.next_update_ms
    if now_ms > end_ms:
        raise HomeError(
            f"The list of revoked certificates in {source} was good until {utc(end_ms)}, and now it is {utc(now_ms)}. "
            "Ask the administrator for a fresh one (dcnet gwa renew), and install it."
        )


def _require_good(certificate: Certificate, revocations: RevocationList, now_ms: int, source: str) -> None:
    who = f"The certificate of {certificate.subject.uri} in {source}"
    try:
        require_good(certificate, revocations, now_ms)
    except RefusedError as error:
        match error.reason:
            case Refusal.REVOCATIONS_EXPIRED:
                return
            case Refusal.CERTIFICATE_REVOKED:
                raise HomeError(
                    f"{who} is revoked, by list no. {revocations.number}. The administrator knows why. Another one is "
                    "issued for a new key only: move the old home directory away, and enroll."
                ) from error
            case _:
                raise HomeError(f"{who} {_when(certificate, now_ms)}") from error


def _when(certificate: Certificate, now_ms: int) -> str:
    if now_ms < certificate.not_before_ms:
        return (
            f"is valid from {utc(certificate.not_before_ms)} on, and the clock here says {utc(now_ms)}. "
            "Set the clock; chronyc tracking shows whether it follows the network's time."
        )
    return (
        f"expired at {utc(certificate.not_after_ms)}. Ask the administrator to renew it (dcnet gwa renew), and install "
        "the new bundle."
    )


def _foreign(what: str, source: str) -> HomeError:
    return HomeError(
        f"{what} in {source} is damaged, or not of the administrator whose certificate is there too. Install the "
        "administrator's bundle again."
    )


def _authority(der: bytes, source: str) -> Authority:
    try:
        return Authority(der)
    except ValueError as error:
        raise HomeError(
            f"The administrator's certificate in {source} cannot be used: {error}. Install the bundle again."
        ) from error


def _installed(path: Path, label: str, role: Role) -> bytes:
    if not path.exists():
        raise HomeError(
            f"{path} is missing. Have the administrator issue a certificate for {path.with_name(REQUEST_FILE)}, then "
            f"run:  {_command(role, 'install', path.parent)} BUNDLE"
        )
    return stored(path, label)


def _command(role: Role, verb: str, directory: Path) -> str:
    """The command for a party's directory. A broker that has its provider beside it is the provider's own."""
    is_embedded = role is Role.BROKER and (directory.parent / KEY_FILE).exists()
    return _COMMANDS[Role.PROVIDER if is_embedded else role].format(verb)
