"""Enrollment: how a party gets its credentials. It makes a key and a request, the administrator hands back a bundle.

The private key is made where it is used, and never leaves. Source: docs/deployment.md; BSI TR-03109-4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from broker.credentials import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    PROVIDER_FILE,
    REQUEST_FILE,
    REVOCATIONS_FILE,
    Credentials,
    check_credentials,
    fingerprint,
    load_authority,
    load_enrolled_key,
    present_list,
    read_parts,
    require_fresh_list,
    stored,
)
from broker.gwa.issuing import RequestError, make_request, read_request
from broker.home import HomeError, explained, make_home, write_file
from broker.keyfile import load_or_make_broker_key, load_or_make_identity
from broker.pem import CERTIFICATE, REQUEST, REVOCATIONS, Bundle, one_of, to_pem
from common.certificates import Role, Subject
from common.refusal import RefusedError


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A key and its request: where the request is, the key's public half, and whether this run wrote the request."""

    request: Path
    public_key: bytes
    is_new: bool


def make_key_and_request(directory: Path, subject: Subject, hosts: Sequence[str] = ()) -> Enrollment:
    """Make a party's key and the request for its certificate; both stay as they are when they are there already.

    Args:
        directory: The party's home directory; made when missing.
        subject: Whom the certificate shall name.
        hosts: By which names and addresses a broker is reached.

    Raises:
        HomeError: A file cannot be used, the name is not allowed, or the directory has somebody else's certificate.
    """
    make_home(directory)
    _require_same_subject(directory, subject)
    is_broker = subject.role is Role.BROKER
    key = (load_or_make_broker_key if is_broker else load_or_make_identity)(directory / KEY_FILE)
    try:
        request = make_request(key, subject, hosts)
    except RequestError as error:
        raise HomeError(f"No certificate can be requested: {error}. Correct the settings.") from error
    path = directory / REQUEST_FILE
    is_new = not _asks_the_same(path, request)
    if is_new:
        write_file(path, to_pem(REQUEST, request))
    return Enrollment(path, key.public_key, is_new)


def _asks_the_same(path: Path, request: bytes) -> bool:
    """Whether the file holds a request for the same; a broker's signature is another one each time."""
    with explained(path):
        octets = path.read_bytes() if path.exists() else b""
    try:
        return read_request(one_of(REQUEST, octets)) == read_request(request)
    except (ValueError, RequestError):
        return False


def install(
    directory: Path, bundle: bytes, subject: Subject, now_ms: int, trusted_fingerprint: str | None = None
) -> Credentials:
    """Take what the administrator handed back. Everything is checked before anything is written.

    The first time, a person has to name the authority's fingerprint, learned by another way than the bundle: whoever
    exchanges the bundle underway would otherwise become this party's authority. Later only the same one is taken.

    Args:
        directory: The party's home directory, with its key.
        bundle: The bundle's text.
        subject: Whom the certificate has to name.
        now_ms: Unix milliseconds.
        trusted_fingerprint: SHA-256 of the authority's certificate in hexadecimal; colons and capitals do not matter.

    Raises:
        HomeError: The bundle is damaged, somebody else's, expired or revoked, or its authority is not trusted.
    """
    key = load_enrolled_key(directory, subject.role)
    try:
        parts = Bundle.decode(bundle)
    except ValueError as error:
        raise HomeError(f"The bundle cannot be used: {error}. Copy it again from the administrator.") from error
    _require_trusted(directory, parts.authority, trusted_fingerprint)
    credentials = _with_newest_list(read_parts(directory, key, parts, "the bundle"))
    check_credentials(credentials, subject.role, now_ms, "the bundle")
    if credentials.certificate.subject != subject:
        raise HomeError(
            f"The bundle is for {credentials.certificate.subject.uri}, and this is {subject.uri}. Install the bundle "
            f"that was issued for {directory / REQUEST_FILE}."
        )
    require_fresh_list(credentials, now_ms, "the bundle")
    _write(credentials)
    return credentials


def _require_trusted(directory: Path, authority: bytes, trusted_fingerprint: str | None) -> None:
    """See that the bundle's authority is the one that this party has, or the one that a person named."""
    found = fingerprint(authority)
    if trusted_fingerprint is not None:
        named = "".join(trusted_fingerprint.replace(":", " ").split()).lower()
        if named != found:
            raise HomeError(
                f"The bundle's authority has the fingerprint {found}, not {named}. Somebody may have exchanged the "
                "bundle: ask the administrator for it and for the fingerprint again."
            )
    path = directory / AUTHORITY_FILE
    if path.exists():
        if stored(path, CERTIFICATE) != authority:
            raise HomeError(
                f"The bundle is of another administrator ({found}) than {path}, which never changes. Get the right "
                "bundle. To change over to another administrator, begin with an empty home directory."
            )
    elif trusted_fingerprint is None:
        raise HomeError(
            f"Say which administrator to trust: this bundle's has the fingerprint {found}. Compare it with what the "
            f"administrator told you by another way than the bundle, and add:  --authority {found}"
        )


def _with_newest_list(found: Credentials) -> Credentials:
    """Keep the list that is there when it is newer than the bundle's."""
    present = present_list(found.directory, found.authority)
    if present is None or present.number < found.revocations.number:
        return found
    return replace(found, revocations=present)


def _write(credentials: Credentials) -> None:
    """The certificate last: where it is, everything else is."""
    directory = credentials.directory
    write_file(directory / AUTHORITY_FILE, to_pem(CERTIFICATE, credentials.authority.der))
    write_file(directory / REVOCATIONS_FILE, to_pem(REVOCATIONS, credentials.revocations.der))
    if credentials.provider is not None:
        write_file(directory / PROVIDER_FILE, to_pem(CERTIFICATE, credentials.provider.der))
    write_file(directory / CERTIFICATE_FILE, to_pem(CERTIFICATE, credentials.certificate.der))


def _require_same_subject(directory: Path, subject: Subject) -> None:
    """See that a party that has its certificate does not ask for one under another name with the same key."""
    if not (directory / CERTIFICATE_FILE).exists():
        return
    try:
        present = load_authority(directory).certificate(stored(directory / CERTIFICATE_FILE, CERTIFICATE)).subject
    except RefusedError as error:
        raise HomeError(f"The certificate in {directory} is damaged. Install the bundle again.") from error
    if present != subject:
        raise HomeError(
            f"{directory} has the certificate of {present.uri}, and the settings say {subject.uri}. Correct them, or "
            "give it a home directory of its own."
        )
