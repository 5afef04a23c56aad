"""`dcnet gwa`: what the administrator's commands read, do and say. The rules are in `broker.gwa`."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.credentials import utc
from broker.gwa.founding import AUTHORITY_NAME, found_office, needs_passphrase, open_office
from broker.gwa.issuing import RequestError, read_request
from broker.gwa.office import ISSUED_DIRECTORY, Office, Published
from broker.gwa.rules import Order, meter_of, repeated
from broker.home import HomeError, explained, write_file
from broker.keyfile import WrongPassphraseError
from broker.pem import REQUEST, one_of
from common.certificates import Role
from common.secret import Secret
from launcher.errors import LauncherError
from launcher.meters import read_meters

PASSPHRASE_VARIABLE: Final = "DCNET_GWA_PASSPHRASE"  # noqa: S105 -- where one is found, not one

REFUSED: Final = 1
"""Exit status when something was refused; everything else was carried out."""

Tell = Callable[[str], None]
Ask = Callable[[str, bool], str]
"""Asks a person for a passphrase: the question, and whether it has to be typed twice."""


@dataclass(frozen=True, slots=True)
class Talk:
    """How a command speaks: `tell` says what was done, `complain` what was refused, `ask` asks for a passphrase."""

    tell: Tell
    complain: Tell
    ask: Ask


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what a command signs is good, in days: certificates, and the revocation list."""

    certificate_days: int
    list_days: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be issued: these requests, all of one role, for one meter or for those in a file of `name,meter`.

    Copies of the bundles go to `out`, if that is given.
    """

    requests: Sequence[Path]
    role: Role
    meter: str | None
    meters: Path | None
    out: Path | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whose certificates are renewed: those of `names`, or if there are none, all that end within `within_days`.

    A broker that is named gets other `hosts`, if there are any.
    """

    names: Sequence[str]
    hosts: Sequence[str]
    within_days: int


def init(directory: Path, years: int, is_encrypted: bool, talk: Talk) -> None:
    """Found an authority.

    Raises:
        LauncherError: The directory cannot be used, or there is no passphrase.
    """
    passphrase = _passphrase(talk, "Passphrase of the new authority's key", is_new=True) if is_encrypted else None
    with for_a_person():
        fingerprint = found_office(directory, AUTHORITY_NAME, years, passphrase, now_ms())
    talk.tell(f"An authority is made in {directory}. Back this directory up, and let nobody copy its key.")
    if not is_encrypted:
        talk.tell("The key is not encrypted: whoever reads this directory can issue certificates.")
    talk.tell("Its fingerprint, which everybody who enrolls has to name; tell it by another way than the bundles:")
    talk.tell(fingerprint)


def issue(directory: Path, wanted: Wanted, terms: Terms, talk: Talk) -> int:
    """Issue a certificate for each request. One that is refused does not hinder the others.

    Returns:
        0, or `REFUSED` when one was.

    Raises:
        LauncherError: Nothing could be issued at all.
    """
    meters = None if wanted.meters is None else read_meters(wanted.meters)
    if wanted.meter is not None and len(wanted.requests) > 1:
        raise LauncherError("One meter has one gateway: for several requests give --meters FILE with lines name,meter.")
    with _office(directory, talk) as office:
        refused = 0
        names = []
        for path in wanted.requests:
            try:
                order = _order(path, wanted, meters)
                names.append(_issue_one(office, order, terms.certificate_days, talk))
            except RequestError as error:
                refused += 1
                talk.complain(f"{path}: refused: {error}.")
        published = office.publish(terms.list_days)
    _copy(published, names, wanted.out)
    talk.tell(f"{len(names)} issued, {refused} refused. Bundles: {wanted.out or directory / ISSUED_DIRECTORY}")
    _tell_list(published, talk)
    return REFUSED if refused else 0


def revoke(directory: Path, name: str, reason: str, terms: Terms, talk: Talk) -> None:
    """Revoke whatever is valid of this name.

    Raises:
        LauncherError: Nothing is, or the books cannot be used.
    """
    with for_a_person(), _office(directory, talk) as office:
        for entry in office.revoke(name, reason):
            talk.tell(f"{name}: the certificate {entry.serial:x} is revoked ({reason})")
        published = office.publish(terms.list_days)
    _tell_list(published, talk)
    talk.tell("It takes effect where that list is installed: hand it to the provider, who tells the gateways.")


def renew(directory: Path, renewal: Renewal, terms: Terms, talk: Talk) -> int:
    """Renew certificates for the keys that they have; in any case sign a fresh revocation list.

    Returns:
        0, or `REFUSED` when somebody could not be renewed.

    Raises:
        LauncherError: The books cannot be used.
    """
    with _office(directory, talk) as office:
        refused = 0
        for name in renewal.names or office.ending(renewal.within_days):
            try:
                entry = office.renew(name, terms.certificate_days, renewal.hosts or None)
            except RequestError as error:
                refused += 1
                talk.complain(f"{name}: refused: {error}.")
            else:
                talk.tell(f"{name}: renewed until {utc(entry.expires_ms)}")
                if entry.role is Role.PROVIDER:
                    talk.tell("Every bundle has the provider's new certificate: install them on the gateways in time.")
        published = office.publish(terms.list_days)
    _tell_list(published, talk)
    return REFUSED if refused else 0


def _issue_one(office: Office, order: Order, days: int, talk: Talk) -> str:
    """Issue, or see that exactly this was issued before, so that a script can be run again."""
    subject = order.request.subject
    before = repeated(order, office.ledger, office.now_ms)
    entry = before or office.issue(order, days)
    done = "has its certificate already," if before else "issued"
    meter = f", meter {order.meter}" if order.meter else ""
    talk.tell(f"{subject.name}: {done} until {utc(entry.expires_ms)}{meter}, key {entry.public_key.hex()}")
    return subject.name


def _order(path: Path, wanted: Wanted, meters: dict[str, str] | None) -> Order:
    """Read a request, and find its meter."""
    try:
        request = read_request(one_of(REQUEST, path.read_bytes()))
    except OSError as error:
        raise RequestError(f"it cannot be read ({error.strerror}). Name a file that exists") from error
    except ValueError as error:
        raise RequestError(f"{error}. Copy it again from where it was made") from error
    meter = None if wanted.meter is None else meter_of(wanted.meter)
    if meters is not None:
        meter = meters.get(request.subject.name)
    return Order(request, wanted.role, meter)


def _copy(published: Published, names: Sequence[str], out: Path | None) -> None:
    if out is None:
        return
    with for_a_person(), explained(out):
        out.mkdir(parents=True, exist_ok=True)
        for name in names:
            write_file(out / f"{name}.pem", published.bundles[name].read_bytes())


def _tell_list(published: Published, talk: Talk) -> None:
    counts = ", ".join(f"{region} {count}" for region, count in published.valid.items())
    talk.tell(f"Revocation list no. {published.number}: {published.revocations}; valid gateways: {counts or 'none'}")


@contextmanager
def _office(directory: Path, talk: Talk) -> Iterator[Office]:
    with for_a_person():
        passphrase = None
        if needs_passphrase(directory):
            passphrase = _passphrase(talk, f"Passphrase of the key in {directory}", is_new=False)
        with _explained_passphrase(directory), open_office(directory, passphrase, now_ms()) as office:
            yield office


@contextmanager
def _explained_passphrase(directory: Path) -> Iterator[None]:
    try:
        yield
    except WrongPassphraseError as error:
        where = f" in {PASSPHRASE_VARIABLE}" if os.environ.get(PASSPHRASE_VARIABLE) else ""
        raise LauncherError(
            f"The authority's key in {directory} cannot be decrypted: the passphrase{where} is not the one that it was "
            "encrypted with. Give that one."
        ) from error


def _passphrase(talk: Talk, question: str, *, is_new: bool) -> Secret:
    given = os.environ.get(PASSPHRASE_VARIABLE) or talk.ask(question, is_new)
    if not given:
        raise LauncherError(f"There is no passphrase. Type one, or set {PASSPHRASE_VARIABLE} in the environment.")
    return Secret(given.encode())


@contextmanager
def for_a_person() -> Iterator[None]:
    """Let what was refused end the command with its sentence.

    Raises:
        LauncherError: For each such error inside.
    """
    try:
        yield
    except HomeError as error:  # whole sentences, or a command at the end, which a full stop would spoil
        raise LauncherError(str(error)) from error
    except RequestError as error:
        raise LauncherError(f"{error}.") from error


def now_ms() -> int:
    """The time of this machine in Unix milliseconds."""
    return time.time_ns() // 1_000_000
