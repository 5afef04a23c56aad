"""Gateways that ought not to be let in, each with a certificate that is wrong in one way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.credentials import CERTIFICATE_FILE, KEY_FILE
from broker.gwa.issuing import Term
from broker.keyfile import load_identity
from broker.pem import CERTIFICATE, one_of
from common.certificates import Role, Subject
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, NetworkId
from common.payloads import Registration
from common.signing import Direction, Identity
from smgw.agent import wall_ms
from tests.credentials import Administrator, days


@dataclass(frozen=True)
class Impostor:
    """A key with a certificate, under the name that stands in it."""

    name: str
    identity: Identity
    certificate: bytes

    def registration(self, *, network: NetworkId = NO_NETWORK, later_ms: int = 0) -> bytes:
        """Its notification 1, right in itself."""
        data = Registration(bytes(32), self.certificate).encode()
        frame = Frame(network, EVERYONE, wall_ms() + later_ms, Notification.REGISTER, data)
        return frame.signed(self.identity, Direction.UP)


class Impostors:
    """All of them, made by an administrator and in one case by another. The list that it writes next revokes one."""

    def __init__(self, administrator: Administrator) -> None:
        self._administrator: Final = administrator
        self._home: Final = administrator.provider().parent / "impostors"
        self._home.mkdir(mode=0o700, exist_ok=True)
        self.somebody: Final = self._made("somebody", Subject(Role.GATEWAY, "somebody", "north"))
        """A gateway that nobody has refused yet."""
        self.nomad: Final = self._made("nomad", Subject(Role.GATEWAY, "nomad", "atlantis"))
        self.reader: Final = self._made("reader", Subject(Role.INSPECTOR, "reader"))
        self.expired: Final = self._made("expired", Subject(Role.GATEWAY, "expired", "north"), days(-10, -5))
        self.early: Final = self._made("early", Subject(Role.GATEWAY, "early", "north"), days(5, 10))
        self.thief: Final = self._made("thief", Subject(Role.GATEWAY, "thief", "north"))
        administrator.revoke(self._home / "thief")
        stranger = Administrator(self._home / "elsewhere")
        self.foreigner: Final = _read("foreigner", stranger.gateway("foreigner"))

    def twin(self, name: str) -> Impostor:
        """One with a name that a gateway has, and a key of its own; real administrators issue no such certificate."""
        return self._made(f"twin-{name}", Subject(Role.GATEWAY, name, "north"))

    def _made(self, label: str, subject: Subject, term: Term | None = None) -> Impostor:
        directory = self._home / label
        if not directory.exists():
            self._administrator.issue(directory, subject, term=term)
        return _read(subject.name, directory)


def _read(name: str, directory: Path) -> Impostor:
    certificate = one_of(CERTIFICATE, (directory / CERTIFICATE_FILE).read_bytes())
    return Impostor(name, load_identity(directory / KEY_FILE), certificate)
