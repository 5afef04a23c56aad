"""`enroll`, `install` and `revocations` of everybody who needs a certificate: whom the settings name, and what is said.

The work is done in `broker.enrollment` and `broker.credentials`; here are the parties and the sentences.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from broker.credentials import CERTIFICATE_FILE, REQUEST_FILE, replace_revocations, utc
from broker.enrollment import install, make_key_and_request
from broker.gwa.issuing import Request, RequestError, read_request
from broker.gwa.rules import BROKER_NAME, LOCAL_HOSTS
from broker.home import HomeError, explained
from broker.pem import REQUEST, Bundle, one_of
from broker.toml import SettingsError
from common.certificates import Authority, Role, Subject
from common.refusal import RefusedError
from launcher.errors import LauncherError
from provider import settings as provider_settings
from provider.settings import ProviderSettings
from smgw import settings as smgw_settings

Tell = Callable[[str], None]

BROKER_DIRECTORY: Final = "broker"
"""Below the provider's home directory: the broker's key and certificates."""

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- nothing is bound here
"""Where a broker may listen that nobody can call it by."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who enrolls: the home directory, whom the certificate names, and a broker's hosts."""

    home: Path
    subject: Subject
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        region = f", region {self.subject.region}" if self.subject.region else ""
        return f"{self.subject.role.value} {self.subject.name}{region}"


def gateway(config: Path) -> Party:
    """The gateway of these settings.

    Raises:
        LauncherError: They cannot be used.
    """
    with _for_a_person():
        settings = smgw_settings.load(config)
    return Party(settings.home, Subject(Role.GATEWAY, settings.name, settings.region))


def provider(config: Path) -> list[Party]:
    """The provider of these settings, and its broker if it has it in its own process.

    Raises:
        LauncherError: They cannot be used.
    """
    settings = _provider_settings(config)
    own = Party(settings.home, Subject(Role.PROVIDER, settings.name))
    return [own, _broker_of(settings)] if settings.broker.embedded else [own]


def broker(config: Path) -> Party:
    """The broker of these settings of a provider.

    Raises:
        LauncherError: They cannot be used.
    """
    return _broker_of(_provider_settings(config))


def at_hosts(party: Party, hosts: Sequence[str]) -> Party:
    """A broker that gateways reach under `hosts` too; without any, under those of its last request.

    Raises:
        LauncherError: That request cannot be used.
    """
    path = party.home / REQUEST_FILE
    if party.subject.role is not Role.BROKER:
        return party
    before = _requested(path).hosts if not hosts and path.exists() else hosts
    return replace(party, hosts=tuple(dict.fromkeys((*before, *party.hosts))))


def inspector(directory: Path) -> Party:
    """The inspector that enrolled in this directory.

    Raises:
        LauncherError: None has.
    """
    path = directory / REQUEST_FILE
    if not path.exists():
        raise LauncherError(f"{path} is missing. Run:  dcnet inspector enroll {directory}")
    return Party(directory, _requested(path).subject)


def enroll(parties: Sequence[Party], tell: Tell) -> None:
    """Make each party's key and request, unless they are there, and say where.

    Raises:
        LauncherError: They cannot be made.
    """
    for party in parties:
        with _for_a_person():
            made = make_key_and_request(party.home, party.subject, party.hosts)
        tell(f"{party}: {'the request is written' if made.is_new else 'nothing changed, the request was there'}")
        tell(f"  request  {made.request}")
        tell(f"  key      {made.public_key.hex()}")
        for host in party.hosts:
            tell(f"  host     {host}")
    if any(not (party.home / CERTIFICATE_FILE).exists() for party in parties):
        tell("Hand each request to the administrator, and compare the key: what comes back is for this key alone.")


def install_bundles(parties: Sequence[Party], bundles: Sequence[Path], authority: str | None, tell: Tell) -> None:
    """Install each bundle for the party that it is for.

    Raises:
        LauncherError: One is for nobody here, or is refused. Those before it are installed.
    """
    for path in bundles:
        octets = _read(path)
        party = _party_of(octets, parties, path)
        with _for_a_person(f"{path}: "):
            held = install(party.home, octets, party.subject, _now_ms(), authority)
        tell(f"{party}: the certificate is installed in {party.home}")
        tell(f"  valid    until {utc(held.certificate.not_after_ms)}")
        counts = ", ".join(f"{region} {count}" for region, count in held.revocations.valid.items())
        tell(f"  list     no. {held.revocations.number}, good until {utc(held.revocations.next_update_ms)}")
        tell(f"  gateways with a valid certificate: {counts or 'none'}")


def install_list(parties: Sequence[Party], path: Path, tell: Tell) -> None:
    """Install a newer revocation list for each party that has a certificate.

    Raises:
        LauncherError: It is refused, or nobody has a certificate.
    """
    octets = _read(path)
    enrolled = [party for party in parties if (party.home / CERTIFICATE_FILE).exists()]
    if not enrolled:
        raise LauncherError(
            f"{parties[0].home / CERTIFICATE_FILE} is missing. Install the administrator's bundle first."
        )
    for party in enrolled:
        with _for_a_person(f"{path}: "):
            installed = replace_revocations(party.home, octets)
        tell(
            f"{party}: list no. {installed.number} is installed, with {len(installed.serials)} revoked, good until "
            f"{utc(installed.next_update_ms)}"
        )


def _party_of(octets: bytes, parties: Sequence[Party], path: Path) -> Party:
    """Whose bundle it is, by its own word; installing it checks that."""
    try:
        parts = Bundle.decode(octets)
        subject = Authority(parts.authority).certificate(parts.certificate).subject
    except (ValueError, RefusedError) as error:
        raise LauncherError(
            f"{path} is no bundle, or is damaged: {error}. Copy it again from the administrator."
        ) from error
    for party in parties:
        if party.subject.role is subject.role:
            return party
    wanted = ", ".join(party.subject.uri for party in parties)
    raise LauncherError(f"{path} is for {subject.uri}, and here is {wanted}. Install it where its request was made.")


def _provider_settings(config: Path) -> ProviderSettings:
    with _for_a_person():
        return provider_settings.load(config)


def _broker_of(settings: ProviderSettings) -> Party:
    """With the host of the settings, unless that is no address."""
    hosts = dict.fromkeys((settings.broker.host, *LOCAL_HOSTS))
    own = tuple(host for host in hosts if host not in _EVERYWHERE)
    return Party(settings.home / BROKER_DIRECTORY, Subject(Role.BROKER, BROKER_NAME), own)


def _requested(path: Path) -> Request:
    """What a request says that was made here before."""
    with _for_a_person(), explained(path):
        try:
            return read_request(one_of(REQUEST, path.read_bytes()))
        except (ValueError, RequestError) as error:
            raise LauncherError(f"{path} cannot be used: {error}. Move it away, and enroll again.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LauncherError(f"{path} cannot be read: {error.strerror}. Name a file that exists.") from error


@contextmanager
def _for_a_person(prefix: str = "") -> Iterator[None]:
    try:
        yield
    except (HomeError, SettingsError) as error:
        raise LauncherError(f"{prefix}{error}") from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
