"""Real certificates on the disk for tests: an administrator, and credentials directories for any name in a millisecond.

    directory = shared().gateway("gateway-1")          one authority for the whole run; made once for each name
    administrator = Administrator(tmp_path)             an authority of one's own, for tests that revoke or count
    administrator.issue(home, Subject(Role.GATEWAY, "gateway-1", "north"))     into a home directory that exists already
    administrator.revoke(directory)                     then write_list() into whatever directory shall have the list

A directory holds what `broker.credentials.load_credentials` wants; a key that is there already is kept. The lists of
the shared authority count nobody (`valid` is empty), so no gateway finds its roster too small for them.
"""

import atexit
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.credentials import AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE, PROVIDER_FILE, REVOCATIONS_FILE
from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from broker.keyfile import load_or_make_broker_key, load_or_make_identity
from broker.pem import CERTIFICATE, REVOCATIONS, one_of, to_pem
from common.certificates import Authority, Certificate, Role, Subject
from common.secret import Secret
from common.signing import Identity

DAY_MS: Final = 86_400_000
LOCAL: Final = ("127.0.0.1", "localhost")
"""The hosts in a broker's certificate."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def days(begin: float, end: float) -> Term:
    """From so many days after now to so many; before now they are negative."""
    now = now_ms()
    return Term(round(now + begin * DAY_MS), round(now + end * DAY_MS))


class Administrator:
    """An authority with its own directory, in which it makes a credentials directory for each party."""

    def __init__(self, home: Path, name: str = "administrator of the tests") -> None:
        key = Identity(Secret(Ed25519PrivateKey.generate().private_bytes_raw()))
        self.issuer = Issuer(key, make_authority(key, name, now_ms() - DAY_MS, 10))
        self.authority = Authority(self.issuer.der)
        self.valid: Mapping[str, int] = {}
        """How many gateways of each region the next list says are valid."""
        self.home = home
        self._serial = 0
        self._list_number = 0
        self._revoked: dict[int, int] = {}

    def gateway(self, name: str, region: str = "north") -> Path:
        """The directory of a gateway, made when it is asked for the first time."""
        return self._made(Subject(Role.GATEWAY, name, region))

    def provider(self, name: str = "provider") -> Path:
        """The directory of a provider."""
        return self._made(Subject(Role.PROVIDER, name))

    def inspector(self, name: str = "inspector") -> Path:
        """The directory of an inspector."""
        return self._made(Subject(Role.INSPECTOR, name))

    def broker(self, name: str = "broker") -> Path:
        """The directory of a broker that is reached by the hosts in `LOCAL`."""
        return self._made(Subject(Role.BROKER, name), LOCAL)

    def issue(self, directory: Path, subject: Subject, hosts: Sequence[str] = (), term: Term | None = None) -> Path:
        """Put certificate, authority, list and, for those who obey it, the provider's certificate into a directory."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._serial += 1
        request = Request(subject, _public_key(directory, subject.role), tuple(hosts))
        certificate = issue_certificate(self.issuer, request, self._serial, term or days(-1, 365))
        _write(directory / CERTIFICATE_FILE, to_pem(CERTIFICATE, certificate))
        _write(directory / AUTHORITY_FILE, to_pem(CERTIFICATE, self.issuer.der))
        self.write_list(directory)
        if subject.role in {Role.GATEWAY, Role.INSPECTOR}:
            _write(directory / PROVIDER_FILE, (self.provider() / CERTIFICATE_FILE).read_bytes())
        return directory

    def certificate(self, directory: Path) -> Certificate:
        """The certificate in a directory."""
        return self.authority.certificate(one_of(CERTIFICATE, (directory / CERTIFICATE_FILE).read_bytes()))

    def revoke(self, *directories: Path) -> None:
        """Revoke the certificates in these; lists written from now on say so."""
        for directory in directories:
            self._revoked[self.certificate(directory).serial] = now_ms() - 1_000
        self._list_number += 1

    def write_list(self, directory: Path, term: Term | None = None) -> None:
        """Put the present list of revoked certificates into a directory."""
        term = term or days(-1, 30)
        der = issue_revocations(self.issuer, self._list_number + 1, term, self._revoked, self.valid)
        _write(directory / REVOCATIONS_FILE, to_pem(REVOCATIONS, der))

    def _made(self, subject: Subject, hosts: Sequence[str] = ()) -> Path:
        directory = self.home / subject.uri.replace("/", "_").replace(":", "_")
        return directory if directory.exists() else self.issue(directory, subject, hosts)


@cache
def shared() -> Administrator:
    """The authority of the whole run, whose files are removed when the process ends."""
    home = tempfile.mkdtemp(prefix="dcnet-credentials-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return Administrator(Path(home))


def _public_key(directory: Path, role: Role) -> bytes:
    """The public half of the key in a directory; of a new one if there is none."""
    path = directory / KEY_FILE
    return (load_or_make_broker_key if role is Role.BROKER else load_or_make_identity)(path).public_key


def _write(path: Path, octets: bytes) -> None:
    """Write a file as a whole: a broker that runs may be reading it."""
    draft = path.with_name(f".{path.name}.new")
    draft.touch(0o600)
    draft.write_bytes(octets)
    draft.replace(path)
