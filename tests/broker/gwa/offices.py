"""An administrator's directory for tests, and requests of parties that are known by a letter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.gwa.founding import AUTHORITY_NAME, found_office, open_office
from broker.gwa.issuing import Request
from broker.gwa.ledger import Entry
from broker.gwa.office import Office
from broker.gwa.rules import Order
from broker.gwa.terms import CERTIFICATE_DAYS, LIST_DAYS
from broker.pem import REVOCATIONS, Bundle, one_of
from common.certificates import Authority, RevocationList, Role, Subject
from tests.broker.gwa.authority import NOW_MS, PROVIDER, identity


def order(letter: str, subject: Subject, hosts: tuple[str, ...] = ()) -> Order:
    """What an administrator orders for this party; a gateway's meter goes by the letter too."""
    meter = f"1EMH-{letter.upper()}" if subject.role is Role.GATEWAY else None
    return Order(Request(subject, identity(letter).public_key, hosts), subject.role, meter)


def gateway(name: str, region: str = "north") -> Subject:
    return Subject(Role.GATEWAY, name, region)


def founded(directory: Path) -> Path:
    """An authority that has issued the provider's certificate."""
    found_office(directory, AUTHORITY_NAME, 10, None, NOW_MS)
    with working(directory) as office:
        office.issue(order("p", PROVIDER), CERTIFICATE_DAYS)
    return directory


@contextmanager
def working(directory: Path, now_ms: int = NOW_MS) -> Iterator[Office]:
    """One command of the administrator, which publishes in the end."""
    with open_office(directory, None, now_ms) as office:
        yield office
        office.publish(LIST_DAYS)


def issued(directory: Path, letter: str, subject: Subject, now_ms: int = NOW_MS) -> Entry:
    with working(directory, now_ms) as office:
        return office.issue(order(letter, subject), CERTIFICATE_DAYS)


def published_list(directory: Path) -> RevocationList:
    return authority(directory).revocations(one_of(REVOCATIONS, (directory / "revocations.pem").read_bytes()))


def authority(directory: Path) -> Authority:
    return Authority(one_of("CERTIFICATE", (directory / "authority.pem").read_bytes()))


def bundle(directory: Path, name: str) -> Bundle:
    return Bundle.decode((directory / "issued" / f"{name}.pem").read_bytes())
